# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_rewind says, and what it would spoil."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._rewind import rules

POSSIBLE = """\
pg_rewind: connected to server
pg_rewind: servers diverged at WAL location 0/4622120 on timeline 3
pg_rewind: rewinding from last common checkpoint at 0/4622060 on timeline 3
pg_rewind: reading source file list
pg_rewind: need to copy 51 MB (total source directory size is 76 MB)
pg_rewind: Done!
"""


def test_all_is_read_from_what_it_prints() -> None:
    words = rules.read_output(POSSIBLE)
    assert (words.fork_lsn, words.fork_timeline) == (Lsn.parse("0/4622120"), 3)
    assert (words.not_needed, words.copying, words.size) == (False, True, 51 * 1024 * 1024)


def test_version_9_says_position() -> None:
    words = rules.read_output("servers diverged at WAL position 1/2A on timeline 1\nno rewind required\n")
    assert (words.fork_lsn, words.fork_timeline) == (Lsn.parse("1/2A"), 1)
    assert (words.not_needed, words.copying, words.size) == (True, False, None)


def test_nothing_is_read_from_nothing() -> None:
    assert rules.read_output("") == rules.RewindOutput(None, None, False, False, None)


@pytest.mark.parametrize(
    ("complaint", "name"),
    [
        ("could not find common ancestor of the source and target cluster's timelines", "no_common_ancestor"),
        ('target server needs to use either data checksums or "wal_log_hints = on"', "hints_off"),
        ("could not find previous WAL record at 0/3000028", "wal_missing"),
        ("could not read WAL record at 0/3000028: unexpected pageaddr", "wal_missing"),
        ('could not open file "/d/pg_wal/000000010000000000000003": No such file or directory', "wal_missing"),
        ('could not open file "/d/pg_xlog/000000010000000000000003": No such file or directory', "wal_missing"),
        ('could not restore file "000000010000000000000003" from archive', "wal_missing"),
        ("full_page_writes must be enabled in the source server", "full_page_writes_off"),
        ('could not open directory "/d/lost+found": Permission denied', "unreadable_file"),
        ('could not open file "/d/postgresql.conf": No such file or directory', None),
        ("source and target clusters are from different systems", None),
        ("target server must be shut down cleanly", None),
        ("connection to server failed: Permission denied", None),
    ],
)
def test_what_cannot_be_helped_is_told_apart(complaint: str, name: str | None) -> None:
    assert rules.why_impossible(f"pg_rewind: servers diverged\npg_rewind: error: {complaint}\n") == name


def test_the_missing_wal_file_is_named() -> None:
    text = 'could not open file "/d/pg_wal/00000001000000000000000A": No such file or directory'
    assert rules.missing_wal(text) == "00000001000000000000000A"
    assert rules.missing_wal('could not open file "/d/pg_wal/archive_status": No such file or directory') is None


def test_what_is_not_the_servers_is_kept() -> None:
    entries = ["PG_VERSION", "base", "pg_wal", "pg_hba.conf", "postgresql.conf", "standby.signal", "recovery.signal"]
    entries += ["postmaster.pid", "backup_label", "lost+found", "pgsql_tmp.hotstandby-lock", "conf.d", "server.key"]
    assert layout.entries_to_keep(entries) == ("conf.d", "pg_hba.conf", "postgresql.conf", "server.key")
    assert layout.entries_to_keep(["pg_walk", "log", "postgresql.auto.conf"]) == (
        "log",
        "pg_walk",
        "postgresql.auto.conf",
    )


def test_commands_are_written_as_the_server_writes_them() -> None:
    command = "copy %p to '/a b/%f' and 100%%f of %x"
    assert rules.archive_text(command, "F", "pg_wal") == "copy pg_wal/F to '/a b/F' and 100%f of %x"
    assert rules.restore_text("cp /a/%f %p # %r%%", "F", "pg_wal/F") == "cp /a/F pg_wal/F # F%"


def test_histories_are_archived_first() -> None:
    names = ["000000010000000000000002.ready", "000000010000000000000001.done", "00000002.history.ready"]
    names += ["000000010000000000000001.ready"]
    assert rules.waiting_for_archive(names) == (
        "00000002.history",
        "000000010000000000000001",
        "000000010000000000000002",
    )


@pytest.mark.parametrize(
    ("value", "answer"), [("on", True), ("ALWAYS", True), ("1", True), ("off", False), ("", False)]
)
def test_archive_mode(value: str, answer: bool) -> None:
    assert rules.is_archiving({"archive_mode": value}) is answer
    assert rules.is_archiving({}) is False


@pytest.mark.parametrize(
    ("links", "found", "is_local", "fragment"),
    [
        ({"16400": "/here"}, None, True, None),
        ({"16400": "/there"}, None, True, "keeps its tablespace in /there too"),
        ({"16400": "/there"}, ["PG_15_1"], False, None),
        ({}, [], True, "has a new tablespace"),
        ({}, None, False, "which does not exist"),
        ({}, ["x"], False, "something else lies"),
        ({}, [], False, None),
    ],
)
def test_tablespaces(links: dict[str, str], found: list[str] | None, is_local: bool, fragment: str | None) -> None:
    problem = rules.tablespace_obstacle({"16400": "/there"}, links, {"/there": found}, is_local=is_local)
    assert (problem is None) if fragment is None else (problem is not None and fragment in problem)
