# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hot standbys: they follow, answer reads and refuse writes."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from testinfra.host import Host

testinfra_hosts = ["ansible://hot_standby"]

Sql = Callable[[str], list[list[str]]]


def test_is_a_standby_by_its_signal_file(host: Host, sql: Sql) -> None:
    [[directory]] = sql("SHOW data_directory")
    with host.sudo():
        assert host.file(f"{directory}/standby.signal").is_file
    assert sql("SELECT pg_is_in_recovery()") == [["t"]]


def test_receives_from_the_primary(sql: Sql, addresses: dict[str, str], primary: str) -> None:
    assert sql("SELECT status, sender_host FROM pg_stat_wal_receiver") == [["streaming", addresses[primary]]]


def test_the_passfile_is_for_the_server_alone(host: Host, sql: Sql) -> None:
    """The way libpq goes: primary_conninfo names the passfile, and libpq refuses one that others can read."""
    [[conninfo]] = sql("SHOW primary_conninfo")
    words = dict(word.split("=", 1) for word in shlex.split(conninfo))
    assert "password" not in words
    with host.sudo():
        passfile = host.file(words["passfile"])
        assert (passfile.user, passfile.mode) == ("postgres", 0o600)
        assert f":{words['user']}:" in passfile.content_string


def test_will_follow_a_new_timeline(sql: Sql) -> None:
    assert sql("SHOW recovery_target_timeline") == [["latest"]]


def test_answers_reads(sql: Sql) -> None:
    assert sql("SELECT count(*) > 0 FROM pg_class") == [["t"]]


def test_refuses_writes(host: Host) -> None:
    with host.sudo("postgres"):
        done = host.run("psql -XAtq -d postgres -c 'CREATE TABLE written_on_a_standby ()'")
    assert done.rc != 0
    assert "read-only transaction" in done.stderr
