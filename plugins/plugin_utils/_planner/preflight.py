# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong before anything is done: the inventory, versions, addresses, ports. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import SUPPORTED

from .members import MASTER_GROUP, STANDBY_GROUP, Member
from .plan import Refusal


def check(
    members: tuple[Member, ...], strays: Iterable[str], left_out: Iterable[str], *, hosts: bool = True
) -> list[Refusal]:
    """Return every reason not to begin.

    strays: hosts of the inventory that are in no group at all; left_out: hosts that --limit keeps out of the play.
    hosts: whether each host has to be in order, in its version and with names that it can resolve too. A failover, and
    what follows a promotion, must not be held up by a host that is not.
    """
    return [
        *_left_out(left_out),
        *_groups(members, strays),
        *_password(members),
        *_addresses(members),
        *(_hosts(members) if hosts else ()),
    ]


def _left_out(names: Iterable[str]) -> Iterator[Refusal]:
    left_out = ", ".join(names)
    if left_out:
        yield Refusal(
            "left_out",
            left_out,
            "--limit leaves this out, and who is primary can only be told by looking at every node",
            "Run again without --limit; nodes that are as they should be are not touched",
        )


def _groups(members: tuple[Member, ...], strays: Iterable[str]) -> Iterator[Refusal]:
    for member in members:
        if {MASTER_GROUP, STANDBY_GROUP} <= set(member.declared.groups):
            yield Refusal(
                "listed_twice",
                member.name,
                "the host is in the group master and in the group hot_standby",
                "Keep it in one of them",
            )
    for name in strays:
        yield Refusal(
            "listed_nowhere",
            name,
            "the host is in the inventory, but in no group",
            "Put it into the group hot_standby (or master); into any other group if it is no node of the cluster",
        )


def _password(members: tuple[Member, ...]) -> Iterator[Refusal]:
    without = [member.name for member in members if not member.declared.has_password]
    if without:
        yield Refusal(
            "empty_password",
            ", ".join(without),
            "postgres_replication_password is empty or not set",
            "Set it for all nodes, best in a vaulted file of group_vars",
        )


def _versions(members: tuple[Member, ...]) -> Iterator[Refusal]:
    seen = [member for member in members if member.node]
    wanted = Counter(member.declared.version for member in seen)
    if len(wanted) > 1:
        told = ", ".join(f"{member.name} {member.declared.version}" for member in seen)
        yield Refusal(
            "version_mismatch",
            "inventory",
            f"the nodes have different major versions ({told}); streaming needs the same one",
            "Set one postgres_version for all nodes",
        )
    for member in seen:
        if member.declared.version not in SUPPORTED:
            yield Refusal(
                "version_unsupported",
                member.name,
                f"PostgreSQL {member.declared.version!r} is not supported",
                f"Set postgres_version to one of {', '.join(SUPPORTED)}",
            )
        elif member.node:
            for what, found in (("programs", member.node.major), ("data directory", member.node.data_major)):
                if found not in (None, member.declared.version):
                    yield Refusal(
                        "version_mismatch",
                        member.name,
                        f"the {what} there are of version {found}, the inventory says {member.declared.version}",
                        "Correct postgres_version or the directories of this host",
                    )


def _addresses(members: tuple[Member, ...]) -> Iterator[Refusal]:
    endpoints = Counter((member.declared.address, member.declared.port) for member in members)
    for (address, port), count in endpoints.items():
        if count > 1:
            sharing = [m.name for m in members if (m.declared.address, m.declared.port) == (address, port)]
            yield Refusal(
                "address_shared",
                ", ".join(sharing),
                f"these nodes have the same address and port, {address}:{port}",
                "Give each its own postgres_address or postgres_port",
            )
    several = len({member.declared.address for member in members}) > 1
    for member in members:
        loopback = is_loopback(member.declared.address)
        if loopback and several:
            yield Refusal(
                "address_unmatched",
                member.name,
                f"its address {member.declared.address} is the loopback of each host; no other node can reach it there",
                "Set postgres_address to the address that the other nodes see",
            )


def _hosts(members: tuple[Member, ...]) -> Iterator[Refusal]:
    yield from _versions(members)
    for member in members:
        node = member.node
        if node is None:
            continue
        if node.unresolved_addresses:
            yield Refusal(
                "address_unmatched",
                member.name,
                f"this host cannot resolve {', '.join(node.unresolved_addresses)}: no access rule can match it",
                "Set postgres_address of that node to an IP address, or make its name known here",
            )
        if node.unreadable:
            yield Refusal("unreadable", member.name, node.unreadable, "Put that right and run again")
        if node.port_taken:
            yield Refusal(
                "port_taken",
                member.name,
                f"port {member.declared.port} is taken there by something that is not this instance",
                "Stop that, or set postgres_port to a free port",
            )


def is_loopback(address: str) -> bool:
    """Whether an address or a name is that of the host itself, for everybody who has it."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
