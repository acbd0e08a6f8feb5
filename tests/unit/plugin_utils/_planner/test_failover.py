# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the primary is gone, who replaces it, and what is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.failover import (
    Failover,
    FailoverOptions,
    plan_failover,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology
from support.clusters import THEIRS, cluster, primary, standby, stopped, virgin

ALIVE = "192.0.2.1 5432"  # db-1, as its declared endpoint
SECOND = "192.0.2.2 5432"


def crashed(end: str = "0/6000000", **changes: Any) -> Node:
    """A primary that was killed, on a host that answers."""
    return stopped(end, signal=False, state="in production", **changes)


def fenced(end: str = "0/6000000", **changes: Any) -> Node:
    """A primary that was killed, and that an earlier failover has marked as a standby's."""
    return stopped(end, signal=True, state="in production", **changes)


def cut(position: str = "0/6000000", timeline: int = 1, **changes: Any) -> Node:
    """A standby of db-1 that no longer streams."""
    return standby("db-1", timeline, position, streaming=False, **changes)


def names(outcome: Failover) -> list[str]:
    return [refusal.name for refusal in outcome.plan.refusals]


def steps(outcome: Failover) -> dict[str, list[str]]:
    return {node.name: [step.kind for step in node.steps] for node in outcome.plan.nodes}


REFUSED: dict[str, tuple[Topology, FailoverOptions, str]] = {
    "the primary runs": (cluster(primary("db-2"), standby("db-1")), FailoverOptions(), "primary_alive"),
    "the primary runs, said to be dead": (
        cluster(primary("db-2"), standby("db-1")),
        FailoverOptions(dead=("db-1",)),
        "primary_alive",
    ),
    "the primary runs, a standby is stopped": (
        cluster(primary("db-2"), standby("db-1"), stopped()),
        FailoverOptions(),
        "primary_alive",
    ),
    "the primary runs, said to be dead, and a node is on an older timeline": (
        cluster(primary(timeline=2), stopped()),
        FailoverOptions(dead=("db-1",)),
        "primary_alive",
    ),
    "the primary runs, a standby that streams has not noted the new timeline yet": (
        cluster(primary("db-2", timeline=2), standby("db-1")),
        FailoverOptions(),
        "primary_alive",
    ),
    "its server cannot be asked": (
        cluster(crashed(has_postmaster=True), cut(), cut()),
        FailoverOptions(),
        "primary_alive",
    ),
    "cut off from the controller only": (cluster(None, standby("db-1")), FailoverOptions(), "primary_unreachable"),
    "answers a standby, said to be dead": (
        cluster(None, replace(cut(), answering=(ALIVE,)), cut()),
        FailoverOptions(dead=("db-1",)),
        "primary_alive",
    ),
    "answers a standby that is stopped itself": (
        cluster(None, cut(), stopped(answering=(ALIVE,))),
        FailoverOptions(dead=("db-1",)),
        "primary_alive",
    ),
    "another one is said to be dead": (
        cluster(None, cut(), None),
        FailoverOptions(dead=("db-3",)),
        "primary_unreachable",
    ),
    "no standby left": (cluster(crashed(), stopped(), None), FailoverOptions(), "no_candidate"),
    "the wanted one may not": (
        cluster(crashed(), cut(), cut(), never_promote=True),
        FailoverOptions(to="db-2"),
        "never_promote",
    ),
    "the wanted one is stopped": (cluster(crashed(), stopped(), cut()), FailoverOptions(to="db-2"), "no_candidate"),
    "the wanted one is on an older timeline": (
        cluster(crashed(), cut(), cut("0/5000000", timeline=2)),
        FailoverOptions(to="db-2"),
        "no_candidate",
    ),
    "the only standby belongs to another cluster": (
        cluster(crashed(), standby(None, identity=THEIRS), stopped()),
        FailoverOptions(),
        "no_candidate",
    ),
    "nobody of that name": (cluster(crashed(), cut()), FailoverOptions(to="db-9"), "unknown_host"),
    "too much is lost": (
        cluster(crashed("0/6000100"), cut()),
        FailoverOptions(salvage=False, maximum_loss=255),
        "loss_too_great",
    ),
    "too much of what was heard of is lost": (
        cluster(None, cut("0/6000000"), cut("0/6000000")),
        FailoverOptions(dead=("db-1",), maximum_loss=255, primary_end="0/6000100"),
        "loss_too_great",
    ),
    "another server that cannot be asked may be a primary": (
        cluster(crashed(), replace(crashed(), has_postmaster=True), standby("db-1", streaming=False)),
        FailoverOptions(),
        "primary_alive",
    ),
    "processes of another server that may be a primary have outlived its postmaster": (
        cluster(crashed(), replace(crashed(), orphans=2), standby("db-1", streaming=False)),
        FailoverOptions(),
        "primary_alive",
    ),
    "another host that does not answer may have been promoted: its server answers": (
        cluster(None, None, replace(cut(), answering=(SECOND,))),
        FailoverOptions(dead=("db-1",)),
        "primary_unknown",
    ),
    "an earlier failover may have promoted the host that does not answer, and never pointed this standby to it": (
        cluster(fenced(), None, cut()),
        FailoverOptions(),
        "primary_unknown",
    ),
    "a switchover may have handed over to the host that does not answer": (
        cluster(stopped(signal=False, state="shut down"), None, cut()),
        FailoverOptions(),
        "primary_unknown",
    ),
    "the one that an earlier failover promoted is stopped": (
        cluster(fenced(), crashed(timeline=2), cut()),
        FailoverOptions(),
        "newer_timeline",
    ),
    "one that may not be promoted is on a newer timeline": (
        cluster(crashed(), cut(), replace(stopped(timeline=2), answering=())),
        FailoverOptions(),
        "newer_timeline",
    ),
    "of two that do not answer one is said to be dead": (
        cluster(None, None, standby(None)),
        FailoverOptions(dead=("db-1",)),
        "primary_unknown",
    ),
    "two primaries": (cluster(primary(), primary(timeline=2), cut()), FailoverOptions(), "two_primaries"),
    "two could have been it": (
        cluster(crashed(), crashed(), standby(None)),
        FailoverOptions(),
        "primary_unknown",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    topology, options, expected = REFUSED[case]
    outcome = plan_failover(topology, options)
    assert expected in names(outcome)
    assert outcome.plan.primary is None
    assert outcome.plan.nodes == ()
    assert all(refusal.hint for refusal in outcome.plan.refusals)


def test_a_crashed_primary_is_fenced_and_the_furthest_standby_promoted() -> None:
    outcome = plan_failover(cluster(crashed(), cut("0/5FFFF00"), cut()), FailoverOptions())
    assert steps(outcome) == {"db-1": ["fence"], "db-2": ["follow"], "db-3": ["promote"]}
    assert (outcome.old_primary, outcome.reachable, outcome.candidate) == ("db-1", True, "db-3")
    assert "256 bytes behind db-3" in outcome.plan.nodes[1].steps[0].reason
    assert "further than any other" in outcome.plan.nodes[2].steps[0].reason
    assert "db-3 will have all of it" in outcome.plan.notes[0]


def test_unsent_wal_on_its_disk_is_salvaged() -> None:
    outcome = plan_failover(cluster(crashed("0/6000100"), cut(), cut("0/5000000")), FailoverOptions())
    assert steps(outcome)["db-2"] == ["salvage", "promote"]
    assert outcome.salvage_from == "0/6000000"
    assert "256 bytes from 0/6000000 to 0/6000100" in outcome.plan.notes[0]


def test_what_cannot_be_salvaged_is_lost_and_told() -> None:
    allowed = FailoverOptions(salvage=False)
    outcome = plan_failover(cluster(crashed("0/6000100"), cut(), cut()), allowed)
    assert "256 bytes of WAL, from 0/6000000 to 0/6000100" in outcome.plan.notes[0]
    assert outcome.salvage_from is None
    assert plan_failover(cluster(crashed("0/6000100"), cut()), replace(allowed, maximum_loss=256)).candidate == "db-2"
    outcome = plan_failover(cluster(crashed("0/6000100"), cut(timeline=2), cut(timeline=2)), FailoverOptions())
    assert outcome.salvage_from is None, "WAL of another timeline is of no use"
    assert "cannot be told: db-1 is on timeline 1" in outcome.plan.notes[0]
    outcome = plan_failover(cluster(crashed("0/5000000"), cut(timeline=2), cut(timeline=2)), FailoverOptions())
    assert "nothing" in outcome.plan.notes[0]
    outcome = plan_failover(cluster(None, cut(), cut()), FailoverOptions(dead=("db-1",)))
    assert "cannot be told" in outcome.plan.notes[0]


def test_commits_that_will_wait_are_told_and_no_reason_to_refuse() -> None:
    def noted(wanted: str) -> str:
        candidate = cut("0/6000008", synchronous_standby_names=wanted)
        outcome = plan_failover(cluster(crashed(), candidate, cut()), FailoverOptions())
        assert outcome.candidate == "db-2"
        return "; ".join(outcome.plan.notes[1:])

    assert noted("") == noted("ANY 1 (*)") == noted('"db-3"') == ""
    for wanted in ('"db-1"', '"db-2"', "2 (*)"):
        assert noted(wanted).startswith(f"note: commits on db-2 will wait: its synchronous_standby_names is {wanted!r}")


def test_a_host_that_is_said_to_be_dead_is_not_fenced() -> None:
    outcome = plan_failover(cluster(None, cut(), cut()), FailoverOptions(dead=("db-1",)))
    assert steps(outcome)["db-1"] == ["none"]
    assert not outcome.fence_command


def test_a_command_may_fence_a_host_that_does_not_answer() -> None:
    outcome = plan_failover(cluster(None, cut(), cut()), FailoverOptions(fence_commands=("db-1",)))
    assert steps(outcome)["db-1"] == ["fence"]
    assert outcome.fence_command
    assert not outcome.reachable


def test_the_preferred_one_fetches_what_the_best_one_has() -> None:
    outcome = plan_failover(cluster(crashed(), cut("0/5FFFF00"), cut()), FailoverOptions(to="db-2"))
    assert steps(outcome)["db-2"] == ["catch_up", "promote"]
    assert (outcome.candidate, outcome.source) == ("db-2", "db-3")


def test_one_that_may_never_be_promoted_still_gives_what_it_has() -> None:
    topology = cluster(crashed(), cut("0/5FFFF00"), cut())
    members = tuple(replace(m, declared=replace(m.declared, never_promote=m.name == "db-3")) for m in topology.members)
    outcome = plan_failover(Topology.of(members), FailoverOptions())
    assert steps(outcome)["db-2"] == ["catch_up", "promote"]
    assert outcome.source == "db-3"
    assert "never_promote" in outcome.plan.nodes[2].steps[0].reason


def test_a_newer_timeline_wins_over_a_further_position() -> None:
    outcome = plan_failover(cluster(crashed(), cut("0/7000000"), cut("0/6000000", timeline=2)), FailoverOptions())
    assert outcome.candidate == "db-3"
    assert outcome.source is None


def test_of_equals_priority_decides_then_the_name() -> None:
    topology = cluster(crashed(), cut(), cut())
    assert plan_failover(topology, FailoverOptions()).candidate == "db-2"
    assert plan_failover(topology, FailoverOptions()).source is None
    members = tuple(
        replace(m, declared=replace(m.declared, priority=200 if m.name == "db-3" else 100)) for m in topology.members
    )
    assert plan_failover(Topology.of(members), FailoverOptions()).candidate == "db-3"


@pytest.mark.parametrize(
    ("topology", "options", "gone"),
    [
        (cluster(crashed(), primary(timeline=2), cut()), FailoverOptions(), "db-1"),
        (cluster(stopped(), primary(timeline=2), cut()), FailoverOptions(), "db-1"),
        (cluster(stopped(), primary(timeline=2), fenced()), FailoverOptions(), "db-3"),
        # db-1 was left behind by the failover before: the one that was replaced just now is not started
        (cluster(crashed(), primary(timeline=3), fenced(timeline=2)), FailoverOptions(), "db-3"),
        (cluster(None, primary(timeline=2), cut()), FailoverOptions(dead=("db-1",)), "db-1"),
        (cluster(None, primary(timeline=2), cut()), FailoverOptions(), "db-1"),
        (cluster(None, primary("db-3", timeline=2), standby("db-2", 2)), FailoverOptions(dead=("db-1",)), "db-1"),
    ],
)
def test_a_promotion_that_is_done_is_not_done_again(topology: Topology, options: FailoverOptions, gone: str) -> None:
    outcome = plan_failover(topology, options)
    assert names(outcome) == []
    assert (outcome.promoted, outcome.candidate, outcome.old_primary) == ("db-2", None, gone)
    assert not any("promote" in kinds for kinds in steps(outcome).values())


def test_who_wants_another_one_promoted_is_told_that_one_was() -> None:
    topology = cluster(crashed(), primary(timeline=2), cut())
    outcome = plan_failover(topology, FailoverOptions(to="db-3"))
    assert names(outcome) == ["another_promoted"]
    assert "db-2" in outcome.plan.refusals[0].host
    assert plan_failover(topology, FailoverOptions(to="db-2")).promoted == "db-2"


@pytest.mark.parametrize(
    ("topology", "dead", "gone"),
    [
        (cluster(fenced(), cut(), standby(None, streaming=False)), (), "db-1"),
        (cluster(stopped(signal=False, state="shut down"), None, cut()), ("db-2",), "db-1"),
        (cluster(stopped(signal=False, state="shut down"), cut(), cut()), (), "db-1"),
        (cluster(fenced(), None, standby(None, streaming=False)), ("db-2",), "db-1"),
        (cluster(None, None, cut()), ("db-1",), "db-1"),
        (cluster(None, None, standby(None)), ("db-1", "db-2"), "db-1"),
        (cluster(crashed(), None, cut()), (), "db-1"),
        (cluster(crashed(), None, cut(timeline=2)), ("db-2",), "db-2"),
        (cluster(crashed(), fenced(timeline=2), cut(timeline=2)), (), "db-2"),
        (cluster(fenced(), crashed(), standby(None, streaming=False)), (), "db-2"),
        (cluster(None, fenced(), cut()), ("db-1",), "db-1"),
        (cluster(crashed(), cut(), stopped(timeline=2, identity=THEIRS)), (), "db-1"),
    ],
)
def test_who_was_primary_last(topology: Topology, dead: tuple[str, ...], gone: str) -> None:
    outcome = plan_failover(topology, FailoverOptions(dead=dead))
    assert names(outcome) == []
    assert outcome.old_primary == gone


def test_a_failover_that_was_cut_off_after_the_fence_still_salvages() -> None:
    topology = cluster(fenced("0/6000100"), None, standby(None, streaming=False))
    outcome = plan_failover(topology, FailoverOptions(dead=("db-2",)))
    assert (outcome.old_primary, outcome.candidate, outcome.salvage_from) == ("db-1", "db-3", "0/6000000")


def test_what_became_primary_meanwhile_is_not_promoted_beside() -> None:
    topology = cluster(crashed(), primary(timeline=2), cut())
    assert plan_failover(topology, FailoverOptions(old_primary="db-1")).promoted == "db-2"


def test_after_freezing_the_gone_primary_is_known_from_before() -> None:
    detached = standby(None, streaming=False)
    known = FailoverOptions(detached=True, old_primary="db-1")
    outcome = plan_failover(cluster(stopped(), detached, detached, stopped()), known)
    assert (outcome.old_primary, outcome.candidate) == ("db-1", "db-2")


def test_after_freezing_nobody_is_taken_for_the_primary_because_a_task_failed_on_it() -> None:
    outcome = plan_failover(cluster(standby(None), None), FailoverOptions(detached=True))
    assert (outcome.old_primary, outcome.candidate) == (None, "db-1")


def test_a_fenced_primary_that_could_not_be_looked_at_again_is_not_passed_over() -> None:
    """Its command was not run, and what its disk alone has would be lost without a word."""
    topology = cluster(None, *2 * (standby(None, streaming=False),))
    first: dict[str, Any] = {"detached": True, "old_primary": "db-1", "reachable": True}
    for commands in ((), ("db-1",)):
        outcome = plan_failover(topology, FailoverOptions(**first, fence_commands=commands))
        assert names(outcome) == ["primary_unreachable"]
        assert "could not be looked at after that" in outcome.plan.refusals[0].message
    assert plan_failover(topology, FailoverOptions(**first, dead=("db-1",))).candidate == "db-2"


def test_what_the_old_primarys_own_disk_had_counts_when_it_cannot_be_read_any_more() -> None:
    first = plan_failover(cluster(crashed("0/9000000"), cut(), cut()), FailoverOptions())
    assert first.primary_end == "0/9000000"
    topology = cluster(None, *2 * (standby(None, position="0/6000000", streaming=False),))
    second = plan_failover(
        topology,
        FailoverOptions(dead=("db-1",), detached=True, old_primary="db-1", primary_end=first.primary_end),
    )
    assert names(second) == ["loss_too_great"]
    assert "at least 50331648 bytes" in second.plan.refusals[0].message


def test_refusals_after_the_fence_tell_of_it() -> None:
    topology = cluster(fenced(), None)
    failed = Topology.of(tuple(replace(m, failed=m.node is None) for m in topology.members))
    (refusal,) = plan_failover(failed, FailoverOptions(detached=True, old_primary="db-1")).plan.refusals
    assert "db-2: a task failed on it" in refusal.message
    assert "start the old primary" not in refusal.hint
    assert "the standbys are detached and db-1 is fenced by now: when that is put right, run" in refusal.hint
    (refusal,) = plan_failover(failed, FailoverOptions(dead=("db-2",))).plan.refusals
    assert "fenced" not in refusal.hint


def test_what_was_written_before_the_fence_is_salvaged_too() -> None:
    """The server came up after the first look: the look after its stop counts."""
    known = FailoverOptions(detached=True, old_primary="db-1")
    outcome = plan_failover(cluster(fenced("0/6000100"), standby(None, streaming=False)), known)
    assert (outcome.candidate, outcome.salvage_from) == ("db-2", "0/6000000")


def test_without_any_primary_the_best_of_all_standbys_is_promoted() -> None:
    outcome = plan_failover(cluster(standby(None), cut("0/6000008"), standby(None)), FailoverOptions())
    assert (outcome.old_primary, outcome.candidate) == (None, "db-2")


any_node = st.sampled_from(
    [
        None,
        virgin(),
        primary(),
        primary(timeline=2),
        cut(),
        cut("0/7000000"),
        cut("0/5000000", timeline=2),
        replace(cut(), answering=(ALIVE,)),
        standby("db-2"),
        crashed(),
        crashed("0/8000000"),
        crashed(has_postmaster=True),
        crashed(timeline=2),
        fenced(),
        fenced(timeline=2),
        replace(cut(), answering=(SECOND,)),
        stopped(),
        stopped(timeline=2),
    ]
)
anybody = st.sampled_from([(), ("db-1",), ("db-2",), ("db-1", "db-2")])


@given(st.lists(any_node, min_size=2, max_size=5), anybody, st.booleans())
def test_whatever_is_observed_a_failover_is_safe(
    nodes: list[Node | None], dead: tuple[str, ...], salvage: bool
) -> None:
    topology = cluster(*nodes)
    outcome = plan_failover(topology, FailoverOptions(dead=dead, salvage=salvage))
    if outcome.plan.refusals:
        assert outcome.plan.nodes == ()
        return
    promoted = [name for name, kinds in steps(outcome).items() if "promote" in kinds]
    assert promoted == ([outcome.candidate] if outcome.candidate else [])
    if outcome.candidate is None:
        assert topology.primary is not None
        assert topology.primary.name == outcome.promoted
        return
    assert not topology.writable, "nobody accepts writes when somebody is promoted"
    winner = topology.member(outcome.candidate)
    assert winner.node is not None
    assert winner.node.server is not None
    assert winner.node.server.in_recovery
    if outcome.old_primary is not None:
        gone = topology.member(outcome.old_primary)
        assert gone.node is None or not gone.node.has_postmaster
        assert gone.node is not None or outcome.old_primary in dead, "not seen, so the user has to say that it is dead"
        for member in topology.members:
            assert member.node is None or gone.declared.endpoint not in member.node.answering
    for member in topology.members:
        node = member.node
        if node is None:
            assert not any(member.declared.endpoint in other.node.answering for other in topology.members if other.node)
            continue
        assert not node.has_postmaster or node.recovery_signal, "a server that cannot be asked may be a primary"
        assert node.timeline is None or node.timeline <= (winner.node.timeline or 0), "nobody has newer data"


def test_the_sessions_that_will_be_ended_are_told_before() -> None:
    topology = cluster(crashed(), cut(held_by=("pid 4711 (user report)",)))
    noted = plan_failover(topology, FailoverOptions()).plan.notes
    assert any("pid 4711 (user report); they are ended" in text for text in noted), noted
    kept = plan_failover(topology, FailoverOptions(end_sessions=False)).plan.notes
    assert any("failover_end_sessions=false" in text for text in kept), kept


@pytest.mark.parametrize("changes", [{"held_by": ("pid 4711",)}, {"apply_delay_ms": 3600000}])
def test_of_equals_the_one_whose_replay_is_free_is_promoted(changes: dict[str, Any]) -> None:
    outcome = plan_failover(cluster(crashed(), cut(**changes), cut()), FailoverOptions())
    assert outcome.candidate == "db-3"
    further = plan_failover(cluster(crashed(), cut("0/6000008", **changes), cut()), FailoverOptions())
    assert further.candidate == "db-2"
