# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which run may claim a node."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._run import STALE_SECONDS, Claimant, Run, may_claim

HERE, THERE = "boot-1 pid:[1]", "boot-2 pid:[1]"
OLD = Run("old", "alice", "laptop", "site.yml", "2026-01-01T03:00:00+00:00", HERE, "100 5")
NEW = Run("new", "bob", "laptop", "failover.yml", "2026-01-01T03:00:01+00:00", HERE, "200 6")
LIVES, DEAD = ("100 5", "200 6"), ("200 6",)


@pytest.mark.parametrize(
    ("holder", "neighbours", "age", "granted"),
    [
        (None, LIVES, 0, True),
        (NEW, LIVES, 0, True),
        (OLD, LIVES, 0, False),
        # the same controller knows whether the other process lives, however long ago it acted
        (OLD, LIVES, 10 * STALE_SECONDS, False),
        (OLD, DEAD, 0, True),
        # its number may be another process's by now
        (OLD, ("100 7", "200 6"), 0, True),
        (Run("old", controller=THERE, process="100 5"), DEAD, STALE_SECONDS - 1, False),
        (Run("old", controller=THERE, process="100 5"), DEAD, STALE_SECONDS + 1, True),
        # processes that cannot be seen
        (OLD, None, STALE_SECONDS - 1, False),
        (OLD, None, STALE_SECONDS + 1, True),
        (Run("old"), LIVES, STALE_SECONDS - 1, False),
        (Run("old", controller=HERE, process="100 5", ended=True), LIVES, 0, True),
    ],
)
def test_a_node_is_claimed_from_who_has_ended_or_is_dead(
    holder: Run | None, neighbours: tuple[str, ...] | None, age: float, *, granted: bool
) -> None:
    assert may_claim(Claimant(NEW, neighbours), holder, age) is granted
    assert may_claim(Claimant(NEW, neighbours, take_over=True), holder, age)


def test_a_run_is_read_back() -> None:
    assert Run.from_plain(OLD.to_plain()) == OLD
    assert Run.from_plain({"id": "x", "more": 1}) == Run("x")
