# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server's log says of a failed start."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.log import LogWatch, relevant_lines

LOG = """\
2026-11-22 14:00:00.000 UTC [1] LOG:  starting PostgreSQL 15.18
2026-11-22 14:00:00.000 UTC [2] FATAL:  the database system is starting up
2026-11-22 14:00:00.000 UTC [1] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use
2026-11-22 14:00:00.000 UTC [1] HINT:  Is another postmaster already running on port 5432?
2026-11-22 14:00:00.000 UTC [1] LOG:  could not bind IPv4 address "127.0.0.1": Address already in use
2026-11-22 14:00:00.000 UTC [1] LOG:  database system is shut down
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            LOG,
            (
                'LOG: could not bind IPv4 address "127.0.0.1": Address already in use;'
                " HINT: Is another postmaster already running on port 5432?"
            ),
        ),
        ("", ""),
        ("eins\nzwei\n\n", "eins; zwei"),
        (
            "FATAL:  1\nFATAL:  2\nFATAL:  3\nERROR:  4\nPANIC:  5\nERROR:  6",
            "FATAL: 2; FATAL: 3; ERROR: 4; PANIC: 5; ERROR: 6",
        ),
    ],
)
def test_relevant_lines(text: str, expected: str) -> None:
    assert relevant_lines(text) == expected


def test_only_what_was_added_is_read(tmp_path: Path) -> None:
    log, collected = tmp_path / "log", tmp_path / "collected"
    log.write_text("old\n")
    watch = LogWatch([str(log), None, "/nonexistent"], str(tmp_path))
    with log.open("a") as file:
        file.write("new\n")
    assert watch.added() == "new\n\n"
    (tmp_path / "current_logfiles").write_text("stderr collected\ncsvlog collected.csv\n")
    collected.write_text("from the collector\n")
    assert "from the collector" in watch.added()
    log.write_text("x")  # rotated
    assert "x" in watch.added()
