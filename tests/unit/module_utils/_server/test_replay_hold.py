# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sessions hold the replay of a standby back."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import listed
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replay_hold import (
    Client,
    first_to_end,
    holders,
)

OLD = Client(7, "report", "psql", "active", "10:00", "09:00", 50, False)
NEW = replace(OLD, pid=8, snapshot_age=3)
IDLE = replace(OLD, pid=9, snapshot_age=-1)
LOCK = replace(IDLE, pid=10, blocks=True)


def test_the_oldest_snapshot_comes_first_and_only_it_is_ended() -> None:
    assert holders([NEW, IDLE, OLD]) == (OLD, NEW)
    assert first_to_end(holders([NEW, IDLE, OLD])) == (OLD,)


def test_who_has_the_lock_is_it_alone() -> None:
    assert first_to_end(holders([OLD, LOCK, NEW])) == (LOCK,)


def test_nobody_holds_it_who_has_neither() -> None:
    assert holders([IDLE]) == first_to_end(()) == ()


def test_sessions_are_told_by_who_they_are() -> None:
    assert str(OLD) == "pid 7 (user report with psql, active, in a transaction since 10:00)"
    assert listed([OLD, NEW, LOCK, IDLE]).endswith(", 1 more")
