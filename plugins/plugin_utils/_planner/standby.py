# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings a node to a primary: the cheapest safe path, or why there is none. Pure."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import rewind_obstacle
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.kept_slots import told_slots

from .copying import with_source
from .members import Declared, Member
from .plan import CLONE, FENCE, FOLLOW, NONE, REWIND, START, Refusal, Step
from .refusals import rewind_under_way, two_primaries, unusable_directory
from .topology import Topology, lies_on


def plan_standby(
    declared: Declared, node: Node, primary: Member, topology: Topology, *, rejoin: bool = False
) -> tuple[Step, ...] | Refusal:
    """The planner's table for a node that shall be a standby of this primary.

    rejoin: whether a node that has diverged is brought back (its own changes are gone then), and one that writes
    is fenced. Without it both are refused.
    """
    if node.being_made == _node.REWINDING:
        return rewind_under_way(declared)
    refusal = unusable_directory(declared, node)
    if refusal:
        return refusal
    outcome = _path(declared, node, primary, topology, rejoin=rejoin)
    if not isinstance(outcome, Refusal):
        outcome = with_source(outcome, declared, node, primary, topology)
    return outcome if isinstance(outcome, Refusal) else _with_slots(outcome, node, topology)


def _with_slots(steps: tuple[Step, ...], node: Node, topology: Topology) -> tuple[Step, ...]:
    """The steps, with the slots named that do not outlive them; those of this cluster's standbys are made again."""
    ours = {member.declared.slot for member in topology.members}
    gone = told_slots(slot for slot in node.kept_slots if slot.name not in ours)
    if not gone:
        return steps
    text = f"; its replication slots will be gone, too: {gone}"
    return tuple(replace(step, reason=step.reason + text) if step.kind in (REWIND, CLONE) else step for step in steps)


def _path(
    declared: Declared, node: Node, primary: Member, topology: Topology, *, rejoin: bool
) -> tuple[Step, ...] | Refusal:
    if node.directory == contents.ABSENT:
        return _clone("there is no data directory")
    if node.directory == contents.WRECK:
        return _clone(node.wreck or "a clone was cut off here; the wreck is moved aside")
    if topology.identity is not None and node.system_identifier != topology.identity:
        return _foreign(declared, node, topology)
    member = topology.member(declared.name)
    if topology.streams(member, primary):
        return (Step(NONE, f"streams from {primary.name}"),)
    source = primary.node
    if source is None or source.server is None:
        # the primary is started first; it has just been found that nothing has gone past it
        return (Step(NONE if node.running else START, f"belongs to {primary.name}, which is started first"),)
    if topology.streams_along(member, primary):
        return (Step(FOLLOW, f"streams what {primary.name} writes"),)
    if not rejoin:
        return two_primaries((primary, member)) if node.writable else _attach(declared, node, primary, source)
    outcome = _rejoin(declared, node, primary, source)
    if node.writable and not isinstance(outcome, Refusal):
        fence = Step(FENCE, f"accepts writes although {primary.name} is the primary: it is stopped first")
        return (fence, *outcome)
    return outcome


def _rejoin(declared: Declared, node: Node, primary: Member, source: Node) -> tuple[Step, ...] | Refusal:
    """Bring it back by the cheapest safe path, whatever it holds."""
    # it writes until it is fenced, and the shutdown itself is written behind the fork
    if not node.writable and lies_on(node, source) is not False:
        return _attach(declared, node, primary, source)
    wal_end = f"its WAL ends at {node.end or 'an unknown point'} on timeline {node.timeline}"
    gone = _gone_from(node, source)
    obstacle = _rewind_obstacle(node, source, primary.name)
    if obstacle is None:
        return (
            Step(REWIND, f"{wal_end}; {primary.name} does not have what it wrote from {gone} on, that will be gone"),
            Step(START, "after the rewind"),
        )
    if declared.allow_clone or declared.replace_data:
        return _clone(
            f"{wal_end}; {primary.name} does not have what it wrote from {gone} on, that will be gone; it cannot be"
            f" rewound: {obstacle}",
        )
    return Refusal(
        "cannot_rewind",
        declared.name,
        f"{wal_end}, off the history of {primary.name} from {gone} on, and it cannot be rewound: {obstacle}",
        "Set hot_standby_allow_clone=true for this host to have it cloned anew (its data is moved aside, not deleted)",
    )


def _gone_from(node: Node, source: Node) -> str:
    """From which LSN on the node has what the primary has not."""
    if node.history is None or source.history is None:
        return "an unknown point"
    try:
        timeline, left_at = source.history.fork_point(node.history)
    except ValueError:
        return "the beginning"
    end = source.server.position if source.server else None
    return f"{left_at or end} (timeline {timeline})"


def _rewind_obstacle(node: Node, source: Node, source_name: str) -> str | None:
    """Why pg_rewind cannot help, as far as that can be told before; None when nothing speaks against it."""
    if node.control is None or not node.control.can_rewind:
        return "it has neither data checksums nor wal_log_hints"
    if source.server and node.timeline == source.server.timeline:
        return "it is on the same timeline, and pg_rewind sees no divergence there"
    return rewind_obstacle(node.files, source.files, source_name)


def _attach(declared: Declared, node: Node, primary: Member, source: Node) -> tuple[Step, ...] | Refusal:
    server = source.server
    on_history = lies_on(node, source)
    wal_end = f"its WAL ends at {node.end or 'an unknown point'} on timeline {node.timeline}"
    if on_history is None:
        return Refusal(
            "end_of_wal_unknown",
            declared.name,
            f"it cannot be told whether its data may follow {primary.name}: {wal_end}",
            "Install pg_waldump there (server package), or start that server as a standby by hand",
        )
    if not on_history:
        if declared.replace_data and not node.running:
            why = f"{wal_end}, off the history of {primary.name}; replacing is allowed"
            return _clone(why)
        return Refusal(
            "diverged",
            declared.name,
            f"{wal_end}, which is not on the history of {primary.name}"
            f" (timeline {server.timeline if server else '?'}, WAL up to {source.end}): it has changes of its own",
            "If these changes may go, run rejoin.yml (it rewinds), or set hot_standby_replace_data=true for this host"
            " and stop its server to have it cloned anew (its data is moved aside, not deleted)",
        )
    if not node.restores_from_archive and _needs_removed_wal(node, source, declared.slot):
        if declared.allow_clone:
            return _clone(f"{primary.name} no longer has the WAL that it needs ({wal_end})")
        return Refusal(
            "wal_removed",
            declared.name,
            f"{primary.name} no longer has the WAL that it needs: {wal_end}",
            "Set hot_standby_allow_clone=true for this host to have it cloned anew, or restore the WAL from an archive",
        )
    follow = Step(FOLLOW, f"{wal_end}, on the history of {primary.name}")
    return (follow,) if node.running else (follow, Step(START, "its server is stopped"))


def _needs_removed_wal(node: Node, source: Node, slot: str) -> bool:
    server = source.server
    if server is None:
        return False
    if any(row.name == slot and row.wal_status == "lost" for row in server.slots):
        return True
    return bool(node.end and server.oldest_wal and node.end < server.oldest_wal)


def _foreign(declared: Declared, node: Node, topology: Topology) -> tuple[Step, ...] | Refusal:
    identifiers = f"system identifier {node.system_identifier}, not {topology.identity}"
    if node.running:
        return Refusal(
            "foreign_server",
            declared.name,
            f"a running server of another cluster uses the data directory ({identifiers})",
            "Stop it, or take this host out of the inventory; a running server is never replaced",
        )
    if declared.replace_data:
        return _clone(f"holds another cluster ({identifiers}); replacing is allowed")
    return Refusal(
        "foreign_data",
        declared.name,
        f"the data directory belongs to another cluster ({identifiers})",
        "Set hot_standby_replace_data=true for this host to have it moved aside and cloned anew",
    )


def _clone(reason: str) -> tuple[Step, ...]:
    return (Step(CLONE, reason), Step(START, "after the clone"))
