# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory declares of a node, and the node as observed; read from the plain records that playbooks carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Receiver, Server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import CLUSTER
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.slot_name import application_name

MASTER_GROUP = "master"
STANDBY_GROUP = "hot_standby"


@dataclass(frozen=True)
class Declared:
    """What the inventory says of a node."""

    name: str
    groups: tuple[str, ...]
    address: str
    port: int
    version: str
    slot: str
    has_password: bool
    allow_clone: bool
    replace_data: bool
    priority: int
    never_promote: bool
    clone_from: str = ""

    @property
    def endpoint(self) -> str:
        """As nodes name each other in what they observe."""
        return f"{self.address} {self.port}"

    @property
    def seed_primary(self) -> bool:
        return MASTER_GROUP in self.groups


@dataclass(frozen=True)
class Member:
    """A node as declared and, when its host answered, as observed.

    failed: whether a task has failed on it since it was observed, so that it is not known how it is now.
    due: by part what is not as declared, and why; None where nothing was compared. follows: the endpoint that it
    follows exactly as declared.
    """

    declared: Declared
    node: Node | None
    failed: bool = False
    due: Mapping[str, str] | None = None
    follows: str | None = None

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def application_name(self) -> str:
        """As its walreceiver calls itself."""
        return application_name(self.declared.name)

    @property
    def has_data(self) -> bool:
        return self.node is not None and self.node.directory == CLUSTER

    @property
    def server(self) -> Server | None:
        """Its running server, as far as it was seen."""
        return self.node.server if self.node else None

    @property
    def receiver(self) -> Receiver | None:
        """Its walreceiver, as far as it was seen."""
        return self.server.receiver if self.server else None

    @property
    def timeline(self) -> int | None:
        return self.node.timeline if self.node else None


def members_from(records: Mapping[str, Mapping[str, Any]]) -> tuple[Member, ...]:
    """Read {name: {"declared": ..., "observed": node or None, "failed": bool, "due": ..., "follows": ...}}.

    Raises KeyError or ValueError.
    """
    return tuple(
        Member(
            _declared_from(name, record["declared"]),
            _node_from(record.get("observed")),
            bool(record.get("failed", False)),
            _due_from(record.get("due")),
            record.get("follows"),
        )
        for name, record in records.items()
    )


def _declared_from(name: str, plain: Mapping[str, Any]) -> Declared:
    return Declared(
        name=name,
        groups=tuple(plain["groups"]),
        address=str(plain["address"]),
        port=int(plain["port"]),
        version=str(plain["version"] or ""),
        slot=str(plain["slot"]),
        has_password=bool(plain["has_password"]),
        allow_clone=bool(plain["allow_clone"]),
        replace_data=bool(plain["replace_data"]),
        priority=int(plain["priority"]),
        never_promote=bool(plain["never_promote"]),
        clone_from=str(plain.get("clone_from") or ""),
    )


def _due_from(plain: Iterable[Mapping[str, Any]] | None) -> dict[str, str] | None:
    return None if plain is None else {str(row["part"]): str(row["reason"]) for row in plain}


def _node_from(plain: Mapping[str, Any] | None) -> Node | None:
    return Node.from_plain(plain) if plain else None
