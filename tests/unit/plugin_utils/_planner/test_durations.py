# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says of the time that it took."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ansible_collections.hotstandby.postgresql.plugins.filter.seconds_since_start import seconds_since_start
from ansible_collections.hotstandby.postgresql.plugins.filter.write_gap import write_gap


def test_the_gap_names_both_clocks() -> None:
    assert write_gap({"promoted_at": 3601.615}, {"stop_began": 3601.2}, "db-1", "db-2") == (
        "nobody could write for 0.42 s, if the hosts' clocks agree: db-1 was told to stop at 01:00:01.200 UTC,"
        " db-2 took writes at 01:00:01.615 UTC, each by its own clock"
    ).replace("0.42", f"{3601.615 - 3601.2:.2f}")


def test_clocks_that_differ_are_told() -> None:
    told = write_gap({"promoted_at": 3600.0}, {"stop_began": 3601.2}, "db-1", "db-2")
    assert told.startswith("how long nobody could write cannot be told, since the hosts' clocks differ: db-1 was told")


def test_a_host_that_said_nothing() -> None:
    for promoted, stopped in (({}, {"stop_began": 1.0}), ({"promoted_at": 1.0}, {}), ({"promoted_at": None}, {})):
        assert "cannot be told: one of the two hosts did not say" in write_gap(promoted, stopped, "db-1", "db-2")


def test_since_the_start_of_the_run() -> None:
    since = datetime.now(timezone.utc) - timedelta(seconds=100)
    assert 100 <= seconds_since_start({"since": since.isoformat()}) <= 160
    assert seconds_since_start({"since": (since + timedelta(days=1)).isoformat()}) == 0
