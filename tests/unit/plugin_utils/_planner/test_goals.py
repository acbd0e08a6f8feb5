# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values that a user gives with a playbook."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.goals import plan_for
from support.clusters import cluster, primary, standby

SWITCHOVER = {"maximum_lag": "16777216", "maximum_archive_backlog": "16"}
FAILOVER = {"maximum_loss": "16777216", "salvage": True}


def test_a_unit_is_taken_by_the_plan() -> None:
    plan = plan_for("switchover", cluster(primary("db-2"), standby("db-1")), {**SWITCHOVER, "maximum_lag": "16MB"})
    assert plan["candidate"] == "db-2"


@pytest.mark.parametrize(
    ("goal", "options", "variable"),
    [
        ("switchover", {**SWITCHOVER, "maximum_lag": "much"}, "switchover_maximum_lag"),
        ("switchover", {**SWITCHOVER, "maximum_lag": "16mb"}, "switchover_maximum_lag"),
        ("switchover", {**SWITCHOVER, "maximum_lag": True}, "switchover_maximum_lag"),
        ("switchover", {**SWITCHOVER, "maximum_archive_backlog": "1 file"}, "switchover_maximum_archive_backlog"),
        ("failover", {**FAILOVER, "maximum_loss": "-1"}, "failover_maximum_loss"),
        ("failover", {**FAILOVER, "maximum_loss": ""}, "failover_maximum_loss"),
    ],
)
def test_a_wrong_value_is_one_refusal_that_names_the_variable(
    goal: str, options: dict[str, Any], variable: str
) -> None:
    plan = plan_for(goal, cluster(primary("db-2"), standby("db-1")), options)
    assert len(plan["refusals"]) == 1
    assert "bad_value" in str(plan["refusals"][0])
    assert variable in str(plan["refusals"][0])
