# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""rewind against real servers: an old primary with rows of its own comes back as a standby."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_wreck
from support.clones import PASSWORD, follow_parameters, leftovers, make_tablespace, wait_until_replayed
from support.rewinds import (
    COMMENT,
    control_data,
    diverge,
    diverged,
    follow,
    listing,
    make_pair,
    promote,
    rewind_parameters,
)
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]


def check_own_files(old: Server) -> None:
    """Configuration of its own, no trace of the work, and startable."""
    assert COMMENT in old.read("postgresql.conf")
    assert f"port = {old.port}" in old.read("postgresql.conf")
    assert (old.data_directory / "standby.signal").exists()
    assert leftovers(old.directory) == []
    assert find_wreck(str(old.data_directory)) is None
    assert stat.S_IMODE(old.data_directory.stat().st_mode) == 0o700


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_old_primary_comes_back(servers: ServerFactory, run_module: RunModule, kill: bool) -> None:
    old, new = make_pair(servers)
    diverge(old, new)
    old.sql("SELECT pg_create_physical_replication_slot('of_old', true)")
    new.sql("SELECT pg_create_physical_replication_slot('of_new', true)")
    # what the source says of its time as a standby leads to the target itself
    assert f"port={old.port}" in new.read("postgresql.auto.conf")
    old.write("postgresql.auto.conf", "work_mem = '7MB'\n")
    old.write("server.key", "secret", mode=0o600)
    old.write("log/of_old.log", "what happened")
    new.write("log/of_new.log", "what happened elsewhere")
    new.write("pg_ident.conf", "# of the new one")
    old.kill() if kill else old.stop()
    assert not (old.data_directory / "standby.signal").exists()

    forecast = run_module("rewind", rewind_parameters(old, new), check_mode=True, diff=True)
    assert (forecast["changed"], forecast["path"], forecast["failed"]) == (True, "rewound", False), forecast
    assert forecast["diff"]["before"] != forecast["diff"]["after"]
    assert forecast["slots_dropped"] == ["of_old (physical)"]

    result = run_module("rewind", rewind_parameters(old, new))
    assert not result["failed"], result
    assert (result["changed"], result["path"], result["impossible"]) == (True, "rewound", None), result
    assert result["slots_dropped"] == ["of_old (physical)"]
    assert result["reason"].endswith("; without its replication slots of_old (physical)")
    assert result["crash_recovered"] is kill
    assert result["fork_timeline"] == 1
    assert result["fork_lsn"] in result["reason"]
    assert result["bytes"] > 0
    assert {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "server.key", "log"} <= set(result["kept"])
    assert PASSWORD not in str(result)
    check_own_files(old)
    assert old.read("postgresql.auto.conf") == "work_mem = '7MB'\n"
    assert old.read("server.key") == "secret"
    assert [path.name for path in (old.data_directory / "log").iterdir()] == ["of_old.log"]
    assert "# of the new one" not in old.read("pg_ident.conf")
    assert list((old.data_directory / "pg_replslot").iterdir()) == []
    follow(old, new, run_module)
    assert old.sql("SHOW port") == [(str(old.port),)]

    old.stop()
    again = run_module("rewind", rewind_parameters(old, new))
    assert (again["changed"], again["path"], again["failed"]) == (False, "not_needed", False), again


def test_check_mode_touches_nothing(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = diverged(servers, kill=True)
    before = listing(old)
    result = run_module("rewind", rewind_parameters(old, new), check_mode=True)
    assert (result["changed"], result["path"]) == (True, "rewound"), result
    assert listing(old) == before
    new.stop()
    unreached = run_module("rewind", rewind_parameters(old, new), check_mode=True)
    assert "source was not checked" in str(unreached["warnings"])
    assert run_module("rewind", rewind_parameters(old, new))["error_name"] == "cannot_connect"
    assert listing(old) == before


def test_check_mode_says_what_comes_after_the_stop_of_a_running_server(
    servers: ServerFactory, run_module: RunModule
) -> None:
    """rejoin.yml stops a second primary and then rewinds it; in check mode nobody has stopped it."""
    old, new = make_pair(servers)
    diverge(old, new)
    forecast = run_module("rewind", rewind_parameters(old, new), check_mode=True)
    assert (forecast["failed"], forecast.get("path")) == (False, "rewound"), forecast
    assert "once the server that runs there is stopped" in forecast["reason"]
    follows = run_module("recovery_config", follow_parameters(old, new), check_mode=True)
    assert (follows["failed"], follows["changed"]) == (False, True), follows
    assert old.sql("SELECT pg_is_in_recovery()") == [(False,)]
    assert run_module("recovery_config", follow_parameters(old, new))["error_name"] == "not_a_standby"


def test_refusals_touch_nothing(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = make_pair(servers)
    other = servers.primary("other")
    running = run_module("rewind", rewind_parameters(old, new))
    assert running["error_name"] == "server_running", running
    assert str(old.postmaster_pid) in running["msg"]
    old.stop()
    before = listing(old)
    in_recovery = run_module("rewind", rewind_parameters(old, new))
    assert in_recovery["error_name"] == "source_not_primary", in_recovery
    new.run("pg_ctl", "promote", "-w", "-D", new.data_directory)
    new.sql("REVOKE pg_checkpoint FROM replicator")
    unchecked = run_module("rewind", rewind_parameters(old, new))
    assert unchecked.get("error_name") == "source_not_checkpointed", unchecked
    new.sql("CHECKPOINT")
    expected = run_module("rewind", rewind_parameters(old, new, system_identifier="1"))
    assert expected["error_name"] == "other_system", expected
    new.sql("REVOKE EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) FROM replicator")
    assert run_module("rewind", rewind_parameters(old, new))["error_name"] == "no_rewind_grants"
    new.sql("GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO replicator")
    assert listing(old) == before
    assert run_module("rewind", rewind_parameters(old, new))["path"] == "not_needed"
    other.stop()
    foreign = run_module("rewind", rewind_parameters(other, new))
    assert foreign["error_name"] == "other_system", foreign
    assert run_module("rewind", rewind_parameters(servers.empty("none"), new))["error_name"] == "not_a_cluster"
    assert run_module("rewind", rewind_parameters(old, new, data_directory=old.directory))["error_name"]


def test_clean_primary_that_never_diverged_needs_none(servers: ServerFactory, run_module: RunModule) -> None:
    """Right after the promotion, without a checkpoint: the fork is seen all the same."""
    old, new = make_pair(servers)
    old.stop()
    promote(new)
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["changed"]) == ("not_needed", True), result
    assert result["fork_timeline"] == 1
    follow(old, new, run_module)


def test_same_timeline_but_ahead_is_impossible(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = make_pair(servers)
    new.stop()
    old.sql("INSERT INTO t SELECT generate_series(5001, 5500)")
    old.stop()
    (new.data_directory / "standby.signal").unlink()
    new.start()
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["impossible"], result["changed"]) == ("impossible", "same_timeline", False), result
    assert "ahead of" in result["reason"]


def test_without_checksums_and_hints_it_is_impossible(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = make_pair(servers, {"wal_log_hints": False})
    new.stop()
    old.stop()
    for server in (old, new):
        server.run("pg_checksums", "--disable", "-D", server.data_directory)
        server.start()
    diverge(old, new)
    old.stop()
    before = listing(old)
    for check_mode in (True, False):
        result = run_module("rewind", rewind_parameters(old, new), check_mode=check_mode)
        assert (result["path"], result["impossible"], result["changed"]) == ("impossible", "hints_off", False), result
    assert listing(old) == before


def recycle(old: Server, new: Server) -> None:
    """Stop the old primary when it has recycled the last checkpoint that both have."""
    diverge(old, new)
    for first in (5001, 5002, 5003):
        old.sql("SELECT pg_switch_wal()")
        old.sql("INSERT INTO t SELECT generate_series(%s, 5500)", (first,))
        old.sql("CHECKPOINT")
    old.stop()


def test_recycled_wal_is_impossible(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = make_pair(servers, {"wal_keep_size": "0", "min_wal_size": "32MB"})
    recycle(old, new)
    before = listing(old)
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["impossible"], result["changed"]) == ("impossible", "wal_missing", False), result
    assert listing(old) == before


def test_recycled_wal_comes_from_the_archive(servers: ServerFactory, run_module: RunModule) -> None:
    archive = servers.directory / "archive"
    archive.mkdir(mode=0o700)
    servers.account.own(archive)
    settings: dict[str, str | int | bool] = {"wal_keep_size": "0", "min_wal_size": "32MB", "archive_mode": "on"}
    old, new = make_pair(servers, {**settings, "archive_command": f"cp %p {archive}/%f"})
    new.configure({"archive_command": "/bin/true"})
    new.reload()
    recycle(old, new)
    old.write("postgresql.auto.conf", "restore_command = '/bin/false'\n")
    result = run_module("rewind", rewind_parameters(old, new, restore_command=f"cp {archive}/%f %p"))
    assert result["path"] == "rewound", result
    assert old.read("postgresql.auto.conf") == "restore_command = '/bin/false'\n"
    check_own_files(old)
    follow(old, new, run_module)


def test_waiting_wal_is_archived_before(servers: ServerFactory, run_module: RunModule) -> None:
    archive = servers.directory / "archive"
    archive.mkdir(mode=0o700)
    servers.account.own(archive)
    old, new = make_pair(servers, {"archive_mode": "on", "archive_command": "/bin/false"})
    diverge(old, new)
    old.sql("SELECT pg_switch_wal()")
    old.sql("INSERT INTO t SELECT generate_series(5001, 5500)")
    old.kill()
    status = old.data_directory / "pg_wal" / "archive_status"
    waiting = sorted(path.stem for path in status.glob("*.ready"))
    assert waiting
    before = listing(old)
    failed = run_module("rewind", rewind_parameters(old, new))
    assert failed["error_name"] == "archive_failed", failed
    assert waiting[0] in failed["msg"]
    assert f"one of {len(waiting)} " in failed["msg"]
    assert listing(old) == before

    old.configure({"archive_command": f"test ! -f '{archive}/%f' && cp %p '{archive}/%f'"})
    result = run_module("rewind", rewind_parameters(old, new))
    assert result["path"] == "rewound", result
    assert set(waiting) <= set(result["archived"])
    assert {path.name for path in archive.iterdir()} == set(result["archived"])
    assert (archive / waiting[0]).stat().st_size == 16 * 1024 * 1024


def test_configuration_elsewhere(servers: ServerFactory, run_module: RunModule) -> None:
    """As Debian has it: the data directory alone could not even be started."""
    old, new = make_pair(servers)
    diverge(old, new)
    old.kill()
    elsewhere = old.directory / "etc"
    elsewhere.mkdir(mode=0o700)
    old.account_entry.own(elsewhere)
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        (old.data_directory / name).rename(elsewhere / name)
    archive = {"restore_command": "/bin/false"}
    result = run_module("rewind", rewind_parameters(old, new, config_directory=elsewhere, **archive))
    assert (result["path"], result["crash_recovered"]) == ("rewound", True), result
    assert not (old.data_directory / "postgresql.conf").exists()
    assert not (old.data_directory / "pg_hba.conf").exists()
    for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf"):
        (elsewhere / name).rename(old.data_directory / name)
    check_own_files(old)
    follow(old, new, run_module)


def test_fenced_primary_that_crashed(servers: ServerFactory, run_module: RunModule) -> None:
    """Single-user mode refuses a standby.signal: it is out of the way meanwhile, and there afterwards."""
    old, new = diverged(servers, kill=True)
    old.write("standby.signal", "")
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["crash_recovered"]) == ("rewound", True), result
    check_own_files(old)
    follow(old, new, run_module)


def test_crash_recovery_that_fails(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = diverged(servers, kill=True)
    for segment in (old.data_directory / "pg_wal").glob("0000*"):
        segment.unlink()
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["impossible"]) == ("impossible", "crash_recovery_failed"), result
    assert (old.data_directory / "standby.signal").exists()


def test_tablespaces(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = make_pair(servers)
    old.stop()
    new.stop()
    for server in (old, new):
        server.start()
    place = old.directory / "moved"
    location = make_tablespace_of_two(old, new, place)
    diverge(old, new)
    old.sql("INSERT INTO in_ts SELECT generate_series(1, 700)")
    old.stop()
    result = run_module("rewind", rewind_parameters(old, new))
    assert result["path"] == "rewound", result
    follow(old, new, run_module)
    assert old.sql("SELECT count(*) FROM in_ts") == [(500,)]
    assert location.exists()
    old.stop()
    new.run("pg_ctl", "status", "-D", new.data_directory)


def make_tablespace_of_two(old: Server, new: Server, place: Any) -> Any:
    """A tablespace whose location differs between two servers of one host; a plain link makes the difference."""
    place.mkdir(mode=0o700)
    old.account_entry.own(place)
    new.stop()
    location = make_tablespace(old, "ts")
    old.sql("CHECKPOINT")
    oid = old.sql("SELECT oid FROM pg_tablespace WHERE spcname = 'ts'")[0][0]
    old.stop()
    (old.data_directory / "pg_tblspc" / str(oid)).unlink()
    (old.data_directory / "pg_tblspc" / str(oid)).symlink_to(place)
    for entry in location.iterdir():
        entry.rename(place / entry.name)
    old.start()
    new.start()
    wait_until_replayed(new, old)
    return location


def test_what_pg_rewind_would_remove_is_an_obstacle(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = diverged(servers)
    aside = "pgsql_tmp.hotstandby-old-20260101T000000"
    old.write(f"{aside}/PG_VERSION", "15\n")
    before = control_data(old)
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["impossible"], result["changed"]) == ("impossible", "foreign_content", False), result
    assert aside in result["reason"]
    assert control_data(old) == before
    (old.data_directory / aside / "PG_VERSION").unlink()
    (old.data_directory / aside).rmdir()
    # on the source's host a new tablespace would be the source's own directory
    make_tablespace(new, "later")
    later = run_module("rewind", rewind_parameters(old, new))
    assert (later["path"], later["impossible"], later["changed"]) == ("impossible", "tablespace", False), later


def test_a_link_that_is_none_at_the_source_is_an_obstacle(servers: ServerFactory, run_module: RunModule) -> None:
    old, new = diverged(servers)
    for server in (old, new):
        (server.data_directory / "settings").symlink_to(server.data_directory / "PG_VERSION")
    before = control_data(old)
    result = run_module("rewind", rewind_parameters(old, new))
    assert (result["path"], result["impossible"], result["changed"]) == ("impossible", "different_type", False), result
    assert "settings" in result["reason"]
    assert control_data(old) == before
