# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The titles of the processes of a standby."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.server_processes import (
    RECEIVER_TITLE,
    STARTUP_TITLE,
)


@pytest.mark.parametrize(
    ("title", "does"),
    [
        ("postgres: walreceiver streaming 0/3000060", "streaming"),
        ("postgres: 15/main: walreceiver", None),
        ("postgres: wal receiver process   streaming 0/3000060", "streaming"),
        ("postgres: wal receiver process  ", None),
        ("postgres: walreceiver idle", "idle"),
    ],
)
def test_titles_of_a_walreceiver(title: str, does: str | None) -> None:
    found = RECEIVER_TITLE.match(title)
    assert found
    assert found["does"] == does


@pytest.mark.parametrize(
    "title",
    [
        "postgres: walreceiver: checkpointer",
        "postgres: startup: checkpointer",
        "postgres: walreceiver a [local] idle",
        "postgres: startup a [local] idle",
        "postgres: walsender x",
    ],
)
def test_titles_of_others(title: str) -> None:
    assert not RECEIVER_TITLE.match(title)
    assert not STARTUP_TITLE.match(title)


@pytest.mark.parametrize(
    "title",
    [
        "postgres: startup recovering 000000010000000000000003",
        "postgres: 15/main: startup",
        "postgres: startup waiting for 000000010000000000000003",
        "postgres: startup process   recovering 000000010000000000000003",
    ],
)
def test_titles_of_the_process_that_replays(title: str) -> None:
    assert STARTUP_TITLE.match(title)
