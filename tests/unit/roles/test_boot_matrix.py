# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every order in which two or three hosts boot within a minute, played with the guard's decisions and a clock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from support.guards import boot_guard

guard = boot_guard()
LIMITS = {"server_seconds": 15, "boot_seconds": 90}
BOOT_SECONDS, START_SECONDS = 5, 2  # from the power to the first question, from the order to an open port
NEVER = None


@dataclass
class Host:
    """One host in the play. boots: the second in which it gets power; ready: the one in which its server serves."""

    name: str
    timeline: int
    is_standby: bool
    boots: int | None
    views: list[Any]
    ready: int | None = None
    refused: bool = False

    def seen(self, now: int) -> Any:
        """What a guard elsewhere finds there."""
        view = guard.View(self.name)
        if self.boots is NEVER or now < self.boots:
            return view
        if now < self.boots + BOOT_SECONDS or self.refused or (self.is_standby and self.ready is None):
            return view._replace(sign=guard.DOWN)
        if self.ready is None:
            return view._replace(sign=guard.WAITS, system_identifier="7", timeline=self.timeline)
        if now < self.ready:
            return view._replace(sign=guard.DOWN if now < self.ready - 1 else guard.STARTING)
        told = {"in_recovery": self.is_standby, "system_identifier": "7", "timeline": self.timeline}
        return view._replace(sign=guard.LIVES, **told)

    def act(self, now: int, others: Sequence[Any], policy: str) -> None:
        """One second of it."""
        if self.boots is NEVER or now < self.boots + BOOT_SECONDS or self.ready is not None or self.refused:
            return
        if not self.is_standby:
            self.views = guard.remember(self.views, others)
            own = guard.Own("7", self.timeline, False)
            decision = guard.decide(own, self.views, policy)
            begun = self.boots + BOOT_SECONDS
            if guard.ask_again(decision, own, self.views, LIMITS, now - begun, now - self.boots):
                return
            self.refused = decision.action == guard.REFUSE
            if decision.action == guard.FOLLOW:
                # for the others it is on the timeline of its own until it streams
                self.is_standby = True
        if not self.refused:
            self.ready = now + START_SECONDS


def play(cluster: Mapping[str, tuple[int, bool]], boots: Mapping[str, int | None], policy: str) -> dict[str, int]:
    """Boot them; of those that take writes in the end, the second in which they began."""
    hosts = [
        Host(name, timeline, is_standby, boots[name], [guard.View(other) for other in cluster if other != name])
        for name, (timeline, is_standby) in cluster.items()
    ]
    for now in range(170):
        seen = {host.name: host.seen(now) for host in hosts}
        for host in hosts:
            host.act(now, [view for name, view in seen.items() if name != host.name], policy)
    return {host.name: host.ready for host in hosts if host.ready is not None and not host.is_standby}


def orders(names: Sequence[str]) -> Iterator[dict[str, int]]:
    """All at once, one after the other in every order, and some of them together."""
    for moments in itertools.product((0, 1, 6, 7, 20, 59), repeat=len(names)):
        yield dict(zip(names, moments))


# (timeline, whether it is a standby)
WHOLE = {"db-1": (1, False), "db-2": (1, True), "db-3": (1, True)}
AFTER_FAILOVER = {"db-1": (1, False), "db-2": (2, False), "db-3": (2, True)}
LEFT_BEHIND = {"db-1": (1, False), "db-2": (2, False), "db-3": (3, False), "db-4": (4, False)}


def of(cluster: Mapping[str, tuple[int, bool]], nodes: int) -> dict[str, tuple[int, bool]]:
    return dict(list(cluster.items())[:nodes])


@pytest.mark.parametrize("policy", ["start", "refuse"])
@pytest.mark.parametrize("nodes", [2, 3])
@pytest.mark.parametrize(
    ("cluster", "right"), [(WHOLE, "db-1"), (AFTER_FAILOVER, "db-2")], ids=["whole", "after a failover"]
)
def test_all_boot_within_a_minute(cluster: Mapping[str, tuple[int, bool]], right: str, nodes: int, policy: str) -> None:
    """Whoever is first, the right one takes writes, and nobody else; as soon as it has heard of the others."""
    members = of(cluster, nodes)
    for boots in orders(list(members)):
        writable = play(members, boots, policy)
        assert list(writable) == [right], (boots, writable)
        heard = max(boots.values()) + BOOT_SECONDS + START_SECONDS
        assert writable[right] <= heard + 2 + START_SECONDS, boots


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_several_failovers_while_the_others_were_away(policy: str) -> None:
    """A majority that was left behind waits for the hosts that answer; for one that boots much later it does not."""
    for moments in itertools.product((0, 1, 4), repeat=len(LEFT_BEHIND)):
        boots = dict(zip(LEFT_BEHIND, moments))
        assert list(play(LEFT_BEHIND, boots, policy)) == ["db-4"], boots


@pytest.mark.parametrize(
    ("members", "away", "right", "seconds"),
    [
        # nobody is there to be asked: by the policy, a minute and a half after its own boot
        (of(WHOLE, 2), ["db-2"], "db-1", 90 + START_SECONDS),
        (WHOLE, ["db-2", "db-3"], "db-1", 90 + START_SECONDS),
        (of(AFTER_FAILOVER, 2), ["db-1"], "db-2", 90 + START_SECONDS),
        (AFTER_FAILOVER, ["db-1", "db-3"], "db-2", 90 + START_SECONDS),
        # a standby is there: nobody waits for a host that is gone
        (WHOLE, ["db-3"], "db-1", BOOT_SECONDS + 2 * START_SECONDS + 2),
        (AFTER_FAILOVER, ["db-1"], "db-2", BOOT_SECONDS + 2 * START_SECONDS + 2),
    ],
)
@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_some_never_come_back(
    members: Mapping[str, tuple[int, bool]], away: list[str], right: str, seconds: int, policy: str
) -> None:
    boots = {name: NEVER if name in away else 0 for name in members}
    writable = play(members, boots, policy)
    alone = len(members) - len(away) == 1
    assert list(writable) == ([] if alone and policy == "refuse" else [right])
    assert all(second <= seconds for second in writable.values()), writable


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_the_newest_is_gone_and_the_old_primary_does_not_take_its_place(policy: str) -> None:
    """One that follows it is there, and says that there was a newer one."""
    assert play(AFTER_FAILOVER, {"db-1": 0, "db-2": NEVER, "db-3": 0}, policy) == {}


@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_two_on_one_timeline_are_never_both_writable(policy: str) -> None:
    twins = {"db-1": (2, False), "db-2": (2, False)}
    for boots in orders(list(twins)):
        assert len(play(twins, boots, policy)) < 2, boots
