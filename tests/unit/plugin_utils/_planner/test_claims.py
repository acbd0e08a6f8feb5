# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the nodes' claims mean for a plan."""

from __future__ import annotations

from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.filter.cluster_plan import cluster_plan
from ansible_collections.hotstandby.postgresql.plugins.module_utils._run import Run
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.claims import claim_refusals, claims_told

HERE, THERE = "boot-1 pid:[1]", "boot-2 pid:[1]"
OLD = Run("old", "alice", "laptop", "site.yml", "2026-01-01T03:00:00+00:00", HERE, "100 5")


def record(holder: Run | None = None, age: float = 3.0, problem: str = "") -> dict[str, Any]:
    return {
        "claim": {
            "granted": holder is None and not problem,
            "holder": holder.to_plain() if holder else None,
            "age_seconds": age,
            "problem": problem,
        }
    }


def test_who_finds_another_run_refuses_and_says_who_it_is() -> None:
    records = {"db-1": record(OLD), "db-2": record(), "db-3": record(OLD, 1.0), "db-4": {"claim": None}, "db-5": {}}
    (refusal,) = claim_refusals(records, first=True)
    assert (refusal.name, refusal.host) == ("in_progress", "db-1, db-3")
    for word in ("site.yml of alice on laptop", "since 2026-01-01T03:00:00+00:00", "1 s ago", "take_over=true"):
        assert word in str(refusal)
    (later,) = claim_refusals(records, first=False)
    assert later.name == "overtaken"
    assert "site.yml of alice on laptop" in str(later)
    (told,) = claims_told(records)
    for word in ("site.yml of alice on laptop", "has not ended yet on db-1, db-3", "its last act there was 1 s ago"):
        assert word in told


def test_a_node_that_cannot_be_claimed_is_refused() -> None:
    (refusal,) = claim_refusals({"db-1": record(problem="its disk is full")}, first=True)
    assert (refusal.name, refusal.host) == ("claim_failed", "db-1")
    assert "its disk is full" in str(refusal)


def test_no_plan_is_made_beside_another_run() -> None:
    declared = {
        "groups": ["master"], "address": "10.0.0.1", "port": 5432, "version": "15", "slot": "s", "has_password": True,
        "allow_clone": True, "replace_data": False, "priority": 100, "never_promote": False,
    }  # fmt: skip
    records = {"db-1": {"declared": declared, "observed": None, **record(OLD)}}
    assert cluster_plan(records)["refusal_names"] == ["in_progress"]
    assert cluster_plan(records, number=2)["refusal_names"] == ["overtaken"]
    assert "in_progress" not in cluster_plan({"db-1": {**records["db-1"], "claim": None}})["refusal_names"]
