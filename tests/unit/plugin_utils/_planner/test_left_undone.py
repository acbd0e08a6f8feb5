# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a promotion leaves undone."""

from __future__ import annotations

from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.filter.left_undone import left_undone as left_undone_filter
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.left_undone import Ending, left_undone
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.plan import Left

PLANNED = Left("db-1", "db-1 was the primary", expected=True)


def test_nothing_is_expected_of_the_old_primary() -> None:
    ending = Ending("db-2", "db-1", failed=("db-1", "db-3"), objections={"db-1": ["no room."], "db-2": ["no room."]})
    found = left_undone([PLANNED], ending)
    assert [left.text for left in found if left.expected] == [
        "db-1 was the primary",
        "db-1: a task failed on it",
        "db-1 is not configured as declared: no room",
    ]
    assert [left.text for left in found if not left.expected] == [
        "db-3: a task failed on it",
        "db-2 is not configured as declared: no room",
    ]


def test_two_primaries_are_never_expected() -> None:
    two = Left("db-1", "two primaries: db-1 accepts writes, too")
    assert not left_undone([two], Ending("db-2", "db-1"))[0].expected


def ended(checkpoint: int, **promotion: Any) -> list[str]:
    """What is left of a promotion after which db-2's last checkpoint is on that timeline."""
    plan = {"primary": "db-2", "old_primary": None, "left": [vars(PLANNED)]}
    observed = {"node": {"control": {"timeline": checkpoint}, "server": {"timeline": 2}}}
    hostvars: dict[str, dict[str, Any]] = {
        "db-1": {},
        "db-2": {"postgres_observed": observed, "master_promotion": promotion},
    }
    return [left["text"] for left in left_undone_filter(plan, hostvars, ["db-1", "db-2"], ["db-2"])]


def test_a_checkpoint_that_failed_is_told_until_the_server_has_made_it() -> None:
    told = "db-2: its first checkpoint as a primary failed (full); run CHECKPOINT there before another node is rewound"
    assert ended(1, checkpoint_failed="full") == ["db-1 was the primary", "db-1: a task failed on it", told]
    assert told not in ended(2, checkpoint_failed="full")
    assert len(ended(1, checkpoint_failed=None)) == 2
    assert len(ended(1)) == 2
