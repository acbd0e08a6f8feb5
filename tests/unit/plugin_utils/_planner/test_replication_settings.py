# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings that every node gets, by version."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.replication_settings import (
    replication_settings,
)


@pytest.mark.parametrize(
    ("version", "expected", "absent"),
    [
        (
            "9.5",
            {"wal_level": "hot_standby", "wal_keep_segments": "64"},
            {"max_slot_wal_keep_size", "wal_keep_size"},
        ),
        ("9.6", {"wal_level": "replica", "wal_keep_segments": "64"}, {"password_encryption"}),
        (
            "12",
            {"wal_keep_segments": "64", "password_encryption": "scram-sha-256"},
            {"max_slot_wal_keep_size"},
        ),
        ("13", {"wal_keep_size": "1024MB", "max_slot_wal_keep_size": "8192MB"}, {"wal_keep_segments"}),
        ("18", {"wal_level": "replica", "hot_standby": "on", "wal_log_hints": "on"}, {"wal_keep_segments"}),
    ],
)
def test_settings_by_version(version: str, expected: dict[str, str], absent: set[str]) -> None:
    settings = replication_settings(version, 3, 1024, 8192)
    assert expected.items() <= settings.items()
    assert not absent & settings.keys()


def test_slots_may_never_keep_less_than_is_kept_anyway() -> None:
    assert replication_settings("15", 3, 4096, 1024)["max_slot_wal_keep_size"] == "4096MB"
    assert replication_settings("15", 3, 4096, -1)["max_slot_wal_keep_size"] == "-1"


def test_room_for_the_whole_cluster_in_any_role() -> None:
    settings = replication_settings("15", 32, 1024, 8192)
    assert int(settings["max_wal_senders"]) >= 2 * 31 + 2
    assert int(settings["max_replication_slots"]) >= 2 * 31


def test_a_standby_more_is_no_reason_for_a_restart() -> None:
    few = [replication_settings("15", nodes, 1024, 8192) for nodes in range(1, 11)]
    assert all(settings == few[0] for settings in few)
    many = {replication_settings("15", nodes, 1024, 8192)["max_wal_senders"] for nodes in range(1, 101)}
    assert len(many) <= 10
