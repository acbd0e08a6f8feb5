# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing that was seen is forgotten: nobody goes back in time, and who may be a primary is not promoted beside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import OTHER, WRECK
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.converge import (
    plan_rejoin,
    plan_repoint,
    plan_site,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.failover import (
    FailoverOptions,
    plan_failover,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.plan import Left
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.status import status_of
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology, endpoints_to_ask
from support.clusters import OURS, THEIRS, cluster, lsn, primary, standby, stopped, virgin

FIRST, THIRD = "192.0.2.1 5432", "192.0.2.3 5432"


def cut(position: str = "0/6000000", timeline: int = 1, **changes: Any) -> Node:
    return replace(standby("db-1", timeline, position, streaming=False), **changes)


def crashed(**changes: Any) -> Node:
    return stopped("0/6000000", signal=False, state="in production", **changes)


def heard(node: Node, seconds: float | None, status: str = "streaming") -> Node:
    """The standby whose walreceiver had its last message so many seconds ago."""
    if node.server is None or node.server.receiver is None:
        raise ValueError("no walreceiver")
    receiver = replace(node.server.receiver, status=status, heard_seconds=seconds)
    return replace(node, server=replace(node.server, receiver=receiver))


def sighting(endpoint: str = THIRD, **changes: Any) -> Sighting:
    base = Sighting(
        endpoint, in_recovery=True, system_identifier=OURS, timeline=1, position=lsn("0/6000000"), trouble=""
    )
    return replace(base, **changes)


def forked(node: Node, *switches: tuple[int, str]) -> Node:
    """The node with a history of its own."""
    history = TimelineHistory(node.timeline or 1, tuple((timeline, lsn(at)) for timeline, at in switches))
    return replace(node, history=history)


NEWER = {
    "a running standby": standby(None, timeline=3, position="0/7000000", streaming=False),
    "a stopped standby": stopped("0/7000000", timeline=3),
    "a stopped primary": stopped("0/7000000", timeline=3, signal=False),
}


@pytest.mark.parametrize("case", NEWER)
def test_nobody_goes_back_to_an_older_timeline(case: str) -> None:
    topology = cluster(primary(), NEWER[case], virgin())
    for plan in (plan_rejoin(topology), plan_site(topology)):
        assert [refusal.name for refusal in plan.refusals] == ["newer_timeline"], plan
        assert "rejoin_primary=db-1" in str(plan.refusals[0])
    assert any("db-2 is on timeline 3, newer than the 1 of db-1" in text for text in status_of(topology).problems)
    told = plan_rejoin(topology, "db-1")
    assert told.refusals == ()
    assert told.nodes[1].steps[0].kind in ("rewind", "clone")


def test_what_another_node_has_learned_of_a_newer_timeline_counts() -> None:
    seen = replace(standby("db-1"), sightings=(sighting(timeline=3),))
    topology = cluster(primary("db-2"), seen, None)
    assert [refusal.name for refusal in plan_rejoin(topology).refusals] == ["newer_timeline"]
    assert any("db-3 is on timeline 3" in text for text in status_of(topology).problems)
    foreign = replace(standby("db-1"), sightings=(sighting(timeline=3, system_identifier=THEIRS),))
    assert plan_rejoin(cluster(primary("db-2"), foreign, None)).refusals == ()


def test_a_cluster_is_made_from_nothing_only_when_every_node_was_seen() -> None:
    assert [one.name for one in plan_site(cluster(virgin(), None)).refusals] == ["primary_not_seen"]
    assert plan_site(cluster(virgin(), virgin())).nodes[0].steps[0].kind == "create"


def test_a_promotion_that_is_pending_is_seen_by_everybody() -> None:
    pending = cut(promotion_pending=True)
    shut_down = stopped("0/6000000", signal=False, state="shut down")
    topology = cluster(shut_down, pending, virgin())
    assert [one.name for one in plan_site(topology).refusals] == ["promotion_pending"]
    assert any("has not become one yet" in text for text in status_of(topology).problems)
    assert "promotion_pending" in [one.name for one in plan_failover(topology, FailoverOptions()).plan.refusals]


def test_a_second_writable_server_is_called_what_it_is() -> None:
    for gone in (None, "db-1"):  # be it the old primary, of which nothing was expected
        plan = plan_repoint(cluster(primary(), primary(timeline=2), standby("db-2", 2)), "db-2", gone)
        assert plan.left == (Left("db-1", "two primaries: db-1 accepts writes, too; stop the wrong one at once"),)


def names(topology: Any, **options: Any) -> list[str]:
    return [one.name for one in plan_failover(topology, FailoverOptions(**options)).plan.refusals]


def test_a_standby_that_hears_the_primary_sees_it_alive() -> None:
    streaming = standby("db-1")
    assert names(cluster(None, heard(streaming, 2.0), cut()), dead=("db-1",)) == ["primary_alive"]
    assert names(cluster(None, heard(streaming, 3600.0), cut()), dead=("db-1",)) == []
    assert names(cluster(None, heard(streaming, 2.0, "waiting"), cut()), dead=("db-1",)) == []


def test_what_is_seen_of_a_node_is_worth_more_than_what_was_heard_of_it() -> None:
    """A server that was seen stopped is gone, however short ago it spoke; a standby that hangs is no primary."""
    assert names(cluster(crashed(), heard(standby("db-1"), 2.0), cut())) == []
    hanging = replace(standby("db-1"), server=None, unreadable="it does not answer")
    assert names(cluster(crashed(), cut(), hanging)) == []
    assert names(cluster(crashed(), cut(), replace(hanging, recovery_signal=False))) == ["primary_alive"]
    orphans = stopped("0/6000000", orphans=2)
    assert names(cluster(crashed(), cut(), orphans)) == []
    assert names(cluster(crashed(), cut(), replace(orphans, recovery_signal=False))) == ["primary_alive"]


def test_what_could_not_be_frozen_and_answers_may_be_a_primary() -> None:
    topology = cluster(None, cut(answering=(THIRD,)), None)
    assert names(topology, dead=("db-1",), detached=True, old_primary="db-1") == ["primary_unknown"]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sighting(), []),
        (sighting(in_recovery=False, timeline=2), ["primary_alive"]),
        (sighting(in_recovery=None, system_identifier=None, timeline=None, trouble="rejected"), ["primary_unknown"]),
    ],
)
def test_a_standby_that_only_another_node_reaches_is_known_by_what_it_says(
    found: Sighting, expected: list[str]
) -> None:
    topology = cluster(None, cut(answering=(THIRD,), sightings=(found,)), None)
    assert names(topology, dead=("db-1",)) == expected


def test_what_a_standby_had_at_the_first_look_stays_known() -> None:
    far = cut("0/18C00000")
    first = plan_failover(cluster(None, cut(), far), FailoverOptions(dead=("db-1",)))
    assert first.primary_end == "0/18C00000"
    options = {"dead": ("db-1",), "detached": True, "old_primary": "db-1", "primary_end": first.primary_end}
    assert names(cluster(None, cut(), None), **options) == ["loss_too_great"]


def test_the_end_of_a_disk_that_cannot_be_read_is_not_passed_over() -> None:
    unread = replace(crashed(), wal_end=None)
    assert names(cluster(unread, cut())) == ["not_salvageable"]
    assert names(cluster(unread, cut()), salvage=False) == []


def test_a_standby_whose_history_parts_from_the_primary_is_not_promoted() -> None:
    gone = forked(crashed(timeline=2), (1, "0/4000000"))
    right = forked(cut("0/5000000", 2), (1, "0/4000000"))
    wrong = forked(cut("0/9000000", 2), (1, "0/3000000"))
    outcome = plan_failover(cluster(gone, right, wrong), FailoverOptions())
    assert (outcome.candidate, outcome.source) == ("db-2", None), outcome
    assert names(cluster(gone, right, wrong), to="db-3") == ["no_candidate"]


def test_the_last_look_goes_where_another_primary_may_be() -> None:
    topology = cluster(crashed(), cut(), None, cut())
    assert endpoints_to_ask(topology, "db-2", "db-1") == [FIRST, THIRD]
    assert endpoints_to_ask(topology, "db-2") == [THIRD]


def wrong(position: str = "0/9000000") -> Node:
    """A standby of another promotion to timeline 2."""
    return forked(cut(position, 2), (1, "0/4000000"))


def test_an_old_primary_on_an_older_timeline_does_not_say_which_history_counts() -> None:
    gone = stopped("0/4000000", signal=False, state="in production")
    outcome = plan_failover(cluster(gone, cut(timeline=2), cut(timeline=2), wrong()), FailoverOptions())
    assert outcome.candidate in ("db-2", "db-3"), outcome
    assert outcome.source is None


@pytest.mark.parametrize("first", [True, False])
def test_where_as_many_standbys_have_one_history_as_another_nobody_is_elected_unasked(first: bool) -> None:
    standbys = [wrong(), cut(timeline=2)] if first else [cut(timeline=2), wrong()]
    topology = cluster(None, *standbys)
    refused = plan_failover(topology, FailoverOptions(dead=("db-1",))).plan.refusals
    assert [one.name for one in refused] == ["no_candidate"]
    assert "histories part" in str(refused[0])
    for name in ("db-2", "db-3"):
        assert plan_failover(topology, FailoverOptions(dead=("db-1",), to=name)).candidate == name


@pytest.mark.parametrize("other", [wrong(), standby(None, position="16/0", identity=THEIRS, streaming=False)])
def test_what_others_wrote_is_no_loss(other: Node) -> None:
    timeline = 2 if other.timeline == 2 else 1
    topology = cluster(None, cut(timeline=timeline), cut(timeline=timeline), other)
    assert names(topology, dead=("db-1",)) == []


ANY = 'ANY 1 ("db-2", "db-3")'


def test_a_commit_that_only_unseen_standbys_may_have_confirmed_is_not_passed_over() -> None:
    topology = cluster(None, cut(), None)
    assert names(topology, dead=("db-1",)) == []
    synchronous = cut()
    if synchronous.server is None:
        raise ValueError("no server")
    synchronous = replace(synchronous, server=replace(synchronous.server, synchronous_standby_names=ANY))
    topology = cluster(None, synchronous, None)
    refused = plan_failover(topology, FailoverOptions(dead=("db-1",))).plan.refusals
    assert [one.name for one in refused] == ["synchronous_unseen"]
    assert "failover_primary_is_dead=db-3" in str(refused[0])
    assert names(topology, dead=("db-1", "db-3")) == []
    assert names(cluster(None, replace(synchronous, sightings=(sighting(),)), None), dead=("db-1",)) == []
    assert names(cluster(crashed(), synchronous, None)) == []


@pytest.mark.parametrize("old", [None, stopped("0/4000000", signal=False, state="in production")])
def test_what_a_standby_had_itself_stays_known_whoever_the_primary_was(old: Node | None) -> None:
    follower = standby(None, timeline=2 if old else 1, streaming=False)
    far = standby(None, timeline=2 if old else 1, position="0/18C00000", streaming=False)
    nodes = [old] if old else []
    first = plan_failover(cluster(*nodes, follower, far), FailoverOptions())
    assert first.seen == "0/18C00000"
    second = plan_failover(
        cluster(*nodes, follower, None),
        FailoverOptions(
            detached=True, old_primary="db-1" if old else None, seen=first.seen, primary_end=first.primary_end
        ),
    )
    assert [one.name for one in second.plan.refusals] == ["loss_too_great"], second


def test_a_second_primary_that_only_another_node_reaches_is_one() -> None:
    seen = replace(standby("db-1"), sightings=(sighting(in_recovery=False),))
    topology = cluster(primary("db-2"), seen, None)
    assert topology.told_by(topology.members[2]) == "db-2"
    for plan in (plan_site(topology), plan_rejoin(topology)):
        assert [one.name for one in plan.refusals] == ["two_primaries"], plan
        assert plan.refusals[0].host == "db-3"
    assert any("db-3" in text and "accepts writes" in text for text in status_of(topology).problems)
    assert plan_rejoin(topology, "db-1").refusals == ()


def test_an_unseen_standby_that_another_node_knows_is_neither_doubted_nor_the_primary_that_is_gone() -> None:
    knows = replace(cut(), sightings=(sighting(),))
    fenced = stopped("0/6000000", signal=True, state="shut down")
    assert names(cluster(fenced, cut(), None)) == ["primary_unknown"]
    assert names(cluster(fenced, knows, None)) == []
    outside = replace(standby(None, streaming=False), sightings=(sighting(),))
    outcome = plan_failover(cluster(None, outside, None), FailoverOptions(dead=("db-1",)))
    assert (outcome.old_primary, outcome.candidate) == ("db-1", "db-2"), outcome


def test_a_failed_task_is_not_called_a_host_that_does_not_answer() -> None:
    found = cluster(None, cut(answering=(THIRD,)), None)
    failed = Topology.of(tuple(replace(member, failed=member.name == "db-3") for member in found.members))
    refused = plan_failover(failed, FailoverOptions(dead=("db-1",), detached=True, old_primary="db-1")).plan.refusals
    assert "a task failed on it" in str(refused[0])
    assert "does not answer" not in str(refused[0])


@pytest.mark.parametrize("directory", [WRECK, OTHER])
def test_an_empty_cluster_is_not_made_beside_what_is_left_of_another_one(directory: str) -> None:
    plan = plan_site(cluster(virgin(), virgin(directory=directory, wreck="a clone was cut off")))
    assert [(one.name, one.host) for one in plan.refusals] == [("half_made", "db-2")], plan


def test_a_pending_promotion_beside_a_primary_stops_a_rejoin_unless_the_primary_is_named() -> None:
    topology = cluster(primary(), replace(standby("db-1"), promotion_pending=True))
    assert [one.name for one in plan_rejoin(topology).refusals] == ["promotion_pending"]
    assert "rejoin_primary" in str(plan_rejoin(topology).refusals[0])
    assert plan_rejoin(topology, "db-1").refusals == ()


def test_a_disk_of_the_old_primary_that_is_not_mounted_is_not_passed_over() -> None:
    assert names(cluster(virgin(), cut(), cut())) == ["not_salvageable"]
    assert names(cluster(virgin(), cut(), cut()), salvage=False) == []
    assert names(cluster(crashed(), cut(), virgin())) == []


def test_a_standby_that_streams_along_the_primary_is_never_ahead_of_it() -> None:
    ahead = standby("db-1", position="0/6000100")
    topology = cluster(primary("walreceiver"), ahead)
    for plan in (plan_rejoin(topology), plan_site(topology)):
        assert plan.refusals == ()
        assert [step.kind for step in plan.nodes[1].steps] == ["follow"], plan
    cascaded = cluster(primary("db-2"), standby("db-1"), standby("db-2", position="0/6000100"))
    assert [step.kind for step in plan_rejoin(cascaded).nodes[2].steps] == ["follow"]
    alone = cluster(primary(), standby("db-1", position="0/6000100", streaming=False))
    assert [one.name for one in plan_site(alone).refusals] == ["diverged"]


def test_after_a_promotion_a_node_on_a_newer_timeline_is_left_as_it_is() -> None:
    plan = plan_repoint(cluster(primary(timeline=2), stopped("0/7000000", timeline=3)), "db-1")
    assert any("db-2 is on a newer timeline (3)" in left.text for left in plan.left), plan.left


def test_a_connection_that_still_stands_is_told_of() -> None:
    topology = cluster(None, heard(standby("db-1"), 25.0), cut())
    notes = plan_failover(topology, FailoverOptions(dead=("db-1",))).plan.lines()
    assert any("the connection of db-2 to db-1 still stands" in text for text in notes), notes
    quiet = plan_failover(cluster(None, cut(), cut()), FailoverOptions(dead=("db-1",))).plan.lines()
    assert not any("still stands" in text for text in quiet)


def test_who_was_left_out_may_be_the_primary() -> None:
    problems = status_of(cluster(standby("db-2"), None), ("db-3",)).problems
    assert any("left out by --limit: db-3" in text for text in problems), problems
    assert not any("no primary is running" in text for text in problems)
    assert any("no primary is running" in text for text in status_of(cluster(standby("db-2"), None)).problems)
