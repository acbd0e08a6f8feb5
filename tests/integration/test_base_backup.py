# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""base_backup against real servers: what it builds, what it refuses, what it leaves."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.account import test_account as account_of_tests
from support.clones import (
    ADDRESS,
    PASSWORD,
    broken_program,
    clone_parameters,
    follow_parameters,
    leftovers,
    make_passfile,
    make_source,
    make_tablespace,
    slot_of,
    slots,
    start_clone,
    wait_until_replayed,
    wait_until_streaming,
)
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]


def start_standby(server: Server, source: Server, run_module: RunModule) -> None:
    """Let the clone follow its source, and wait until it streams."""
    followed = run_module("recovery_config", follow_parameters(server, source))
    assert not followed["failed"], followed
    start_clone(server)
    wait_until_streaming(server, source)
    assert server.sql("SELECT pg_is_in_recovery()") == [(True,)]


def test_clone_streams(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    source.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    source.write("recovery.done", "")
    source.write("backup_label.old", "")
    source.write(
        "postgresql.auto.conf", "primary_conninfo = 'host=stale'\nrecovery_target_xid = '7'\nwork_mem = '8MB'\n"
    )
    server = servers.empty("s1")
    result = run_module("base_backup", clone_parameters(server, source))
    assert not result["failed"], result
    assert (result["changed"], result["path"], result["verified"], result["slot_created"]) == (
        True,
        "clone",
        True,
        True,
    )
    assert result["moved_aside"] == []
    assert result["bytes"] > 16 * 1024 * 1024
    assert PASSWORD not in str(result)
    assert leftovers(server.directory) == []
    assert stat.S_IMODE(server.data_directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((server.data_directory / "standby.signal").stat().st_mode) == 0o600
    assert server.data_directory.stat().st_uid == account_of_tests().uid
    for stale in ("recovery.done", "backup_label.old", "postmaster.pid", "postmaster.opts"):
        assert not (server.data_directory / stale).exists()
    assert server.read("postgresql.auto.conf") == "work_mem = '8MB'\n"
    assert slots(source) == {slot_of(server): False}
    start_standby(server, source, run_module)
    wait_until_replayed(server, source)
    assert server.sql("SELECT count(*) FROM t") == [(1000,)]
    assert slots(source) == {slot_of(server): True}


def test_check_mode_and_refusal_change_nothing(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    forecast = run_module("base_backup", params, check_mode=True, diff=True)
    assert forecast["changed"]
    assert "would be cloned from" in forecast["reason"]
    assert forecast["diff"]["before"] != forecast["diff"]["after"]
    assert not server.data_directory.exists()
    assert slots(source) == {}
    source.stop()
    unreached = run_module("base_backup", params, check_mode=True)
    assert unreached["changed"]
    assert "source was not checked" in str(unreached["warnings"])
    refused = run_module("base_backup", params)
    assert (refused["failed"], refused["error_name"]) == (True, "cannot_connect")
    assert "Connection refused" in refused["msg"]
    assert leftovers(server.directory) == []


def test_missing_parent_is_made_and_unmade(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    deep = server.directory / "15" / "main"
    failed = run_module("base_backup", clone_parameters(server, source, data_directory=deep, system_identifier="1"))
    assert failed["error_name"] == "other_system"
    assert not deep.parent.exists()
    result = run_module("base_backup", clone_parameters(server, source, data_directory=deep))
    assert not result["failed"], result
    assert stat.S_IMODE(deep.parent.stat().st_mode) == 0o700
    assert (deep / "PG_VERSION").exists()


def test_present_data_is_refused_then_moved_aside_and_tidied(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.primary("s1")
    server.sql("CREATE TABLE old ()")
    params = clone_parameters(server, source)
    running = run_module("base_backup", {**params, "replace": True})
    assert running["error_name"] == "server_running"
    assert str(server.postmaster_pid) in running["msg"]
    server.stop()
    before = server.run("pg_controldata", "-D", server.data_directory).stdout
    refused = run_module("base_backup", params)
    assert refused["error_name"] == "data_present"
    assert "hot_standby_replace_data" in refused["msg"]
    assert run_module("base_backup", params, check_mode=True)["error_name"] == "data_present"
    assert before == server.run("pg_controldata", "-D", server.data_directory).stdout
    assert leftovers(server.directory) == []
    assert slots(source) == {}

    result = run_module("base_backup", {**params, "replace": True})
    assert not result["failed"], result
    (aside,) = result["moved_aside"]
    assert re.fullmatch(rf"{server.data_directory}\.hotstandby-old-\d{{8}}T\d{{6}}", aside)
    assert before == server.run("pg_controldata", "-D", aside).stdout
    tidied = {"state": "tidied", "data_directory": server.data_directory, "socket_directory": server.socket_directory}
    early = run_module("base_backup", tidied)
    assert early["error_name"] == "not_running"
    assert Path(aside).exists()
    start_clone(server)
    silent = run_module("base_backup", {**tidied, "timeout": 1})
    assert silent["error_name"] == "timed_out"
    assert Path(aside).exists()
    server.stop()
    start_standby(server, source, run_module)
    kept = run_module("base_backup", {**tidied, "keep_old": True})
    assert (kept["failed"], kept["changed"]) == (False, False)
    forecast = run_module("base_backup", tidied, check_mode=True)
    assert (forecast["changed"], forecast["removed"]) == (True, [aside])
    assert Path(aside).exists()
    done = run_module("base_backup", tidied)
    assert (done["changed"], done["removed"]) == (True, [aside])
    assert not Path(aside).exists()
    again = run_module("base_backup", tidied)
    assert (again["changed"], again["removed"]) == (False, [])
    assert server.sql("SELECT to_regclass('old')") == [(None,)]


def test_a_primary_keeps_what_was_moved_aside(servers: ServerFactory, run_module: RunModule) -> None:
    server = servers.primary("p1")
    aside = server.directory / "data.hotstandby-old-20260101T000000"
    aside.mkdir()
    server.account_entry.own(aside)
    result = run_module("base_backup", {"state": "tidied", "data_directory": server.data_directory})
    assert result["error_name"] == "not_a_standby"
    assert aside.exists()


def test_no_aside_with_a_running_server_is_removed(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.standby("s1", source)
    other = servers.primary("other")
    other.stop()
    aside = server.directory / "data.hotstandby-old-20260101T000000"
    other.data_directory.rename(aside)
    server.run("pg_ctl", "start", "-w", "-D", aside, "-l", other.log_file)
    tidied = {"state": "tidied", "data_directory": server.data_directory}
    assert run_module("base_backup", tidied)["error_name"] == "aside_in_use"
    assert (aside / "PG_VERSION").exists()
    server.run("pg_ctl", "stop", "-w", "-D", aside)
    assert run_module("base_backup", tidied)["removed"] == [str(aside)]


def test_other_content_is_never_touched(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    server.write("precious.txt", "x")
    server.account_entry.own(server.data_directory)
    result = run_module("base_backup", clone_parameters(server, source, replace=True))
    assert result["error_name"] == "not_a_data_directory"
    assert server.read("precious.txt") == "x"


def test_a_wreck_is_moved_aside_without_leave(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    server.write("PG_VERSION", f"{server.version}\n")
    server.write("base/1/2", "half")
    server.data_directory.chmod(0o700)
    server.account_entry.own(server.data_directory)
    result = run_module("base_backup", clone_parameters(server, source))
    assert not result["failed"], result
    (aside,) = result["moved_aside"]
    assert (Path(aside) / "base/1/2").read_text() == "half"


def test_an_empty_directory_is_used(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    server.data_directory.mkdir(mode=0o755)
    server.account_entry.own(server.data_directory)
    result = run_module("base_backup", clone_parameters(server, source))
    assert not result["failed"], result
    assert result["moved_aside"] == []
    assert stat.S_IMODE(server.data_directory.stat().st_mode) == 0o700


def test_a_link_to_the_data_directory_stays(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    real = server.directory / "big" / "main"
    real.parent.mkdir()
    server.account_entry.own(real.parent)
    server.data_directory.symlink_to(real)
    result = run_module("base_backup", clone_parameters(server, source))
    assert not result["failed"], result
    assert server.data_directory.is_symlink()
    assert (real / "standby.signal").exists()


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"system_identifier": "1"}, "other_system", "another cluster"),
        ({"version": "14"}, "version_mismatch", "version"),
        ({"version": "8.4"}, "version_unsupported", "8.4"),
        ({"expected_bytes": 10**17}, "disk_too_small", "102,000,000,067,108,864 bytes"),
        ({"tablespace_bytes": {"/nowhere": 10**17}, "wal_directory": "/dev/null/x"}, "file_system", "/dev/null"),
        ({"bin_directory": "/nonexistent"}, "missing_program", "pg_basebackup is not in /nonexistent"),
        ({"user": "nobody"}, "no_access_rule", "no pg_hba.conf entry for replication connection"),
        ({"wal_directory": "DATA/wal"}, "wal_directory_inside", "lies in the data directory"),
        ({"wal_directory": "SOCKETS"}, "wal_directory_in_use", "is not empty"),
    ],
)
def test_refusals_leave_nothing(
    servers: ServerFactory, run_module: RunModule, change: dict[str, Any], name: str, words: str
) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    places = {"DATA/wal": server.data_directory / "wal", "SOCKETS": source.socket_directory}
    change = {key: places.get(value, value) if isinstance(value, str) else value for key, value in change.items()}
    result = run_module("base_backup", clone_parameters(server, source, **change))
    assert (result["failed"], result["error_name"]) == (True, name), result
    assert words in result["msg"]
    assert "\n" not in result["msg"]
    assert PASSWORD not in str(result)
    assert not server.data_directory.exists()
    assert leftovers(server.directory) == []
    assert slots(source) == {}


def test_wrong_password_and_missing_rule_for_the_database(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    make_passfile(server, source, "wrong")
    wrong = run_module("base_backup", params)
    assert wrong["error_name"] == "wrong_password"
    assert "password authentication failed" in wrong["msg"]
    (server.directory / "passfile").unlink()
    assert run_module("base_backup", params)["error_name"] == "no_password"
    make_passfile(server, source)
    rules = [line for line in source.read("pg_hba.conf").splitlines() if not line.startswith("host postgres")]
    source.write("pg_hba.conf", "\n".join([*rules, ""]))
    source.reload()
    missing = run_module("base_backup", params)
    assert missing["error_name"] == "no_access_rule"
    assert 'database "postgres"' in missing["msg"]
    assert slots(source) == {}


def test_slot_in_use_and_slot_reused(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    source.sql("SELECT pg_create_physical_replication_slot(%s)", (slot_of(server),))
    other = servers.standby("other", source)
    other.sql(f"ALTER SYSTEM SET primary_slot_name = '{slot_of(server)}'")
    other.reload()
    wait_for(lambda: slots(source)[slot_of(server)], "the slot to be in use")
    params = clone_parameters(server, source)
    taken = run_module("base_backup", params)
    assert taken["error_name"] == "slot_taken"
    assert slot_of(server) in taken["msg"]
    other.stop()
    result = run_module("base_backup", params)
    assert not result["failed"], result
    assert not result["slot_created"]


def test_failed_copy_is_undone(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    tablespace = make_tablespace(source, "ts")
    place = server.directory / "made" / "ts"
    version = '#!/bin/sh\n[ "$1" = --version ] && exec REAL "$@"\n'
    damage = version + 'REAL "$@" || exit\nfor a; do [ "$p" = -D ] && echo x >"$a/global/1262"; p=$a; done\n'
    with broken_program(server, "pg_basebackup", damage) as programs:
        params = clone_parameters(
            server, source, bin_directory=programs, tablespace_mapping={str(tablespace): str(place)}
        )
        damaged = run_module("base_backup", params)
        assert damaged["error_name"] == "verification_failed", damaged
        assert "1262" in damaged["msg"]
        assert not server.data_directory.exists()
        assert not place.parent.exists()
        assert leftovers(server.directory) == []
        assert slots(source) == {}
        full = version + "echo 'could not write: No space left on device' >&2\nexit 1\n"
        (programs / "pg_basebackup").write_text(full.replace("REAL", str(server.bin_directory / "pg_basebackup")))
        failed = run_module("base_backup", params)
        assert failed["error_name"] == "clone_failed"
        assert "No space left" in failed["msg"]
        assert slots(source) == {}


def test_without_pg_verifybackup_it_says_so(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    with broken_program(server, "pg_verifybackup", "") as programs:
        result = run_module("base_backup", clone_parameters(server, source, bin_directory=programs))
    assert not result["failed"], result
    assert result["verified"] is False
    assert "pg_verifybackup is not in" in result["unverified_reason"]


def test_tablespaces_and_wal_elsewhere(servers: ServerFactory, run_module: RunModule) -> None:
    """First clone, then replace it: old WAL and tablespaces are moved aside with the directory, and stay whole."""
    source = make_source(servers)
    location = make_tablespace(source, "ts")
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    unmapped = run_module("base_backup", params)
    assert unmapped["error_name"] == "tablespace_in_use"
    mapped, wal = server.directory / "a=b ts", server.directory / "wal"
    params.update(tablespace_mapping={str(location): str(mapped)}, wal_directory=wal)
    first = run_module("base_backup", params)
    assert not first["failed"], first
    start_standby(server, source, run_module)
    wait_until_replayed(server, source)
    assert server.sql("SELECT count(*) FROM in_ts") == [(500,)]
    assert server.sql("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'ts'") == [(str(mapped),)]
    assert (server.data_directory / "pg_wal").readlink() == wal
    assert leftovers(server.directory) == []
    server.stop()

    del params["wal_directory"]
    second = run_module("base_backup", {**params, "replace": True})
    assert not second["failed"], second
    assert len(second["moved_aside"]) == 3
    assert (server.data_directory / "pg_wal").readlink() == wal
    old = Path(second["moved_aside"][0])
    assert str((old / "pg_wal").readlink()) in second["moved_aside"]
    server.run("pg_ctl", "start", "-w", "-D", old, "-l", server.log_file)
    try:
        assert server.sql("SELECT count(*) FROM in_ts") == [(500,)]
    finally:
        server.run("pg_ctl", "stop", "-w", "-D", old)
    start_standby(server, source, run_module)
    tidied = run_module("base_backup", {"state": "tidied", "data_directory": server.data_directory})
    assert sorted(tidied["removed"]) == sorted(second["moved_aside"])
    assert leftovers(server.directory) == []
    assert server.sql("SELECT count(*) FROM in_ts") == [(500,)]


def test_foreign_tablespace_data_is_refused(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    location = make_tablespace(source, "ts")
    server = servers.empty("s1")
    mapped = server.directory / "ts"
    (mapped / f"PG_{server.version}_1").mkdir(parents=True)
    for path in (mapped, mapped / f"PG_{server.version}_1"):
        server.account_entry.own(path)
    params = clone_parameters(server, source, replace=True, tablespace_mapping={str(location): str(mapped)})
    result = run_module("base_backup", params)
    assert result["error_name"] == "tablespace_in_use"
    assert (mapped / f"PG_{server.version}_1").exists()


def test_the_live_tablespace_of_a_source_on_this_host_is_never_moved(
    servers: ServerFactory, run_module: RunModule
) -> None:
    """What is replaced is a plain copy of the source, whose links lead to the source's own tablespace."""
    source = make_source(servers)
    location = make_tablespace(source, "ts")
    server = servers.primary("s1", start=False)
    (server.data_directory / "pg_tblspc" / "16400").symlink_to(location)
    before = sorted(path.name for path in location.iterdir())
    params = clone_parameters(server, source, replace=True)
    for mapping in ({}, {str(location): str(server.directory / "ts")}):
        result = run_module("base_backup", {**params, "tablespace_mapping": mapping})
        assert result["error_name"] == "tablespace_in_use", result
        assert "the source runs on this very host" in result["msg"]
    assert sorted(path.name for path in location.iterdir()) == before
    assert source.sql("SELECT count(*) FROM in_ts") == [(500,)]


def test_primary_address_is_in_the_message(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    result = run_module("base_backup", clone_parameters(server, source, system_identifier="1"))
    assert f"{ADDRESS} port {source.port}" in result["msg"]
