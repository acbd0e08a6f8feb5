# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builders for observed nodes and clusters, for tests of pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, Receiver, Server, Slot, Walsender
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import Declared, Member
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology

OURS = "7300000000000000001"
THEIRS = "7399999999999999999"
GIBIBYTE = 1024**3
HISTORY = {
    1: TimelineHistory.root(),
    2: TimelineHistory(2, ((1, Lsn.parse("0/5000000")),)),
    3: TimelineHistory(3, ((1, Lsn.parse("0/5000000")), (2, Lsn.parse("0/7000000")))),
}


def lsn(text: str) -> Lsn:
    return Lsn.parse(text)


def declared(name: str, **changes: Any) -> Declared:
    """A node as the inventory declares it: db-1 is in master, the others in hot_standby."""
    number = int(name.rsplit("-", 1)[1])
    base = Declared(
        name=name,
        groups=("master",) if number == 1 else ("hot_standby",),
        address=f"192.0.2.{number}",
        port=5432,
        version="15",
        slot=f"hotstandby_db_{number}",
        has_password=True,
        allow_clone=True,
        replace_data=False,
        priority=100,
        never_promote=False,
    )
    return replace(base, **changes)


def control(**changes: Any) -> Control:
    base = Control(
        system_identifier=OURS,
        state="in production",
        timeline=1,
        checkpoint=lsn("0/3000028"),
        redo=lsn("0/3000028"),
        minimum_recovery_end=None,
        minimum_recovery_timeline=0,
        data_checksums=True,
        wal_log_hints=True,
    )
    return replace(base, **changes)


def virgin(**changes: Any) -> Node:
    """A host on which nothing is installed."""
    base = Node(
        version=None,
        has_psycopg2=False,
        has_instance=False,
        directory=contents.ABSENT,
        data_major=None,
        wreck=None,
        asides=(),
        recovery_signal=False,
        restores_from_archive=False,
        free_bytes=100 * GIBIBYTE,
        port_taken=False,
        unresolved_addresses=(),
        answering=(),
        sightings=(),
        archive_ready=0,
        has_postmaster=False,
        control=None,
        history=None,
        wal_end=None,
        server=None,
        unreadable=None,
    )
    return replace(base, **changes)


def server(**changes: Any) -> Server:
    base = Server(
        in_recovery=False,
        timeline=1,
        position=lsn("0/6000000"),
        replayed=lsn("0/6000000"),
        replay_paused=False,
        started="2026-01-01 00:00:00+00",
        version="15.18",
        lag_seconds=None,
        upstream_host=None,
        upstream_port=None,
        upstream_slot=None,
        synchronous_standby_names="",
        restart_pending=(),
        pending_values={},
        parameters={},
        max_wal_senders=10,
        max_replication_slots=10,
        archiver_failing=None,
        oldest_wal=lsn("0/1000000"),
        size_bytes=GIBIBYTE,
        tablespace_bytes={},
        senders=(),
        slots=(),
        receiver=None,
    )
    return replace(base, **changes)


def senders(*standbys: str, position: str = "0/6000000") -> tuple[Walsender, ...]:
    """What pg_stat_replication shows when these standbys stream."""
    return tuple(Walsender(name, "192.0.2.9", "streaming", lsn(position), lsn(position), "async") for name in standbys)


def _installed(**changes: Any) -> Node:
    return virgin(
        version="15.18",
        has_psycopg2=True,
        has_instance=True,
        directory=contents.CLUSTER,
        data_major="15",
        **changes,
    )


def primary(
    *standbys: str,
    timeline: int = 1,
    position: str = "0/6000000",
    identity: str = OURS,
    **server_changes: Any,
) -> Node:
    """A running primary; the named standbys stream from it."""
    return _installed(
        has_postmaster=True,
        control=control(timeline=timeline, system_identifier=identity),
        history=HISTORY[timeline],
        server=server(
            timeline=timeline, position=lsn(position), senders=senders(*standbys, position=position), **server_changes
        ),
    )


def standby(
    upstream: str | None,
    timeline: int = 1,
    position: str = "0/6000000",
    streaming: bool = True,
    identity: str = OURS,
    **server_changes: Any,
) -> Node:
    """A running standby that is pointed at a node (None: at an address outside the cluster)."""
    number = upstream.rsplit("-", 1)[1] if upstream else "99"
    changes: dict[str, Any] = {
        "in_recovery": True,
        "timeline": timeline,
        "position": lsn(position),
        "replayed": lsn(position),
        "lag_seconds": 0.0,
        "upstream_host": f"192.0.2.{number}",
        "upstream_port": 5432,
        "receiver": Receiver("streaming" if streaming else "stopped", f"192.0.2.{number}", 5432, None, lsn(position)),
        "size_bytes": None,
        **server_changes,
    }
    return _installed(
        has_postmaster=True,
        recovery_signal=True,
        control=control(state="in archive recovery", timeline=timeline, system_identifier=identity),
        history=HISTORY[timeline],
        server=server(**changes),
    )


def stopped(
    end: str | None = "0/6000000",
    timeline: int = 1,
    signal: bool = True,
    identity: str = OURS,
    state: str | None = None,
    **changes: Any,
) -> Node:
    """A stopped server; signal: whether it would start as a standby. It was shut down in order, unless told."""
    state = state or ("shut down in recovery" if signal else "shut down")
    return replace(
        _installed(
            recovery_signal=signal,
            control=control(state=state, timeline=timeline, system_identifier=identity),
            history=HISTORY[timeline],
            wal_end=lsn(end) if end else None,
        ),
        **changes,
    )


def cluster(*nodes: Node | None, **declared_changes: Any) -> Topology:
    """db-1, db-2, ... with these observations; keywords change what is declared of all."""
    return Topology.of(
        tuple(Member(declared(f"db-{number}", **declared_changes), node) for number, node in enumerate(nodes, start=1))
    )


def with_slot(node: Node, slot: Slot) -> Node:
    """The same running node with one slot more."""
    if node.server is None:
        raise ValueError("no server runs on this node")
    return replace(node, server=replace(node.server, slots=(*node.server.slots, slot)))
