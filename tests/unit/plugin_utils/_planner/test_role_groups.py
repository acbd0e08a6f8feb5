# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which node joins which of the groups for plays of the user's own."""

from __future__ import annotations

from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.filter.role_groups import role_groups

STATUS: dict[str, Any] = {
    "primary": "db-2",
    "nodes": [
        {"name": "db-1", "state": "streaming"},
        {"name": "db-2", "state": "running"},
        {"name": "db-3", "state": "not streaming"},
        {"name": "db-4", "state": "stopped"},
        {"name": "db-5", "state": "running"},  # a second primary
    ],
}


def test_who_serves_joins_the_group_of_its_role() -> None:
    found = role_groups(STATUS, {"master": ["db-1"]})
    assert [(row["name"], row["group"]) for row in found["joining"]] == [
        ("db-1", "postgres_standby"), ("db-2", "postgres_primary"), ("db-3", "postgres_standby"),
    ]  # fmt: skip
    assert found["staying"] == []


def test_a_node_is_in_one_group_only_be_it_the_one_of_before() -> None:
    before = {"postgres_primary": ["db-1"], "postgres_standby": ["db-2", "db-3"]}
    found = role_groups(STATUS, before)
    assert found["joining"] == [{"name": "db-3", "group": "postgres_standby"}]
    assert [text.split(",")[0] for text in found["staying"]] == [
        "db-1: it is in the group postgres_primary",
        "db-2: it is in the group postgres_standby",
    ]
