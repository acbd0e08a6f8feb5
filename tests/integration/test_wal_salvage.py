# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module wal_salvage: what a killed primary never sent is on the candidate before its promotion."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clones import wait_until_replayed
from support.processes import processes_below
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
ROWS = 100_000
KEPT = "pgsql_tmp.hotstandby-replaced"


def position_of(standby: Server) -> str:
    query = "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text"
    return str(standby.sql(query)[0][0])


def detach(standby: Server) -> None:
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.reload()
    wait_for(lambda: standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)], "the walreceiver to end")


def count(server: Server) -> int:
    return int(server.sql("SELECT count(*) FROM t")[0][0])


def promote(standby: Server) -> None:
    standby.run("pg_ctl", "promote", "-w", "-D", standby.data_directory)


def wal_names(server: Server) -> list[str]:
    return sorted(path.name for path in (server.data_directory / "pg_wal").iterdir())


def instance_of(server: Server) -> dict[str, Any]:
    names = ("bin_directory", "data_directory", "port", "socket_directory")
    return {name: getattr(server, name) for name in names}


class Salvage:
    """A killed primary and a standby that was held back before."""

    def __init__(self, primary: Server, standby: Server, run_module: RunModule) -> None:
        self.primary = primary
        self.standby = standby
        self.run_module = run_module
        self.source = standby.directory / "salvaged"

    def list(self, **more: Any) -> dict[str, Any]:
        parameters = {
            "state": "listed",
            "bin_directory": self.primary.bin_directory,
            "data_directory": self.primary.data_directory,
            "version": self.primary.version,
            "timeline": 1,
            "from_lsn": position_of(self.standby),
            **more,
        }
        return self.run_module("wal_salvage", parameters)

    def copy(self, listed: dict[str, Any]) -> None:
        """What the playbook does."""
        self.source.mkdir(mode=0o700)
        self.standby.account_entry.own(self.source)
        for segment in listed["segments"]:
            self.standby.account_entry.own(Path(shutil.copy(segment["path"], self.source)))

    def install(self, end: str, *, check_mode: bool = False, **more: Any) -> dict[str, Any]:
        parameters = {
            "state": "installed",
            "bin_directory": self.standby.bin_directory,
            "data_directory": self.standby.data_directory,
            "version": self.standby.version,
            "source_directory": self.source,
            "timeline": 1,
            "end": end,
            **more,
        }
        return self.run_module("wal_salvage", parameters, check_mode=check_mode)


@pytest.fixture
def salvage(servers: ServerFactory, run_module: RunModule) -> Salvage:
    """Both run, the standby streams and has all."""
    primary = servers.primary()
    standby = servers.standby("s", primary)
    primary.sql("CREATE TABLE t (i int)")  # so that the standby has a part of a segment
    wait_until_replayed(standby, primary)
    return Salvage(primary, standby, run_module)


def write_alone(salvage: Salvage, *, segments: int = 1) -> None:
    """Hold the standby back, write rows that are acknowledged, and kill the primary."""
    detach(salvage.standby)
    for number in range(segments):
        if number:
            salvage.primary.sql("SELECT pg_switch_wal()")
        first = number * (ROWS // segments)
        salvage.primary.sql(f"INSERT INTO t SELECT generate_series({first + 1}, {first + ROWS // segments})")
    salvage.primary.kill()


@pytest.mark.parametrize("segments", [1, 4])
def test_no_row_is_lost(salvage: Salvage, segments: int, run_module: RunModule) -> None:
    write_alone(salvage, segments=segments)
    standby = salvage.standby
    assert count(standby) == 0
    before = position_of(standby)
    listed = salvage.list()
    assert not listed["failed"], listed
    assert (listed["changed"], listed["needed"], listed["salvageable"]) == (False, True, True)
    assert listed["missing"] == []
    assert len(listed["segments"]) >= segments
    salvage.copy(listed)
    names = wal_names(standby)

    forecast = salvage.install(listed["end"], check_mode=True)
    assert not forecast["failed"], forecast
    assert (forecast["changed"], forecast["replayed"]) == (
        True,
        standby.sql("SELECT pg_last_wal_replay_lsn()::text")[0][0],
    )
    assert (wal_names(standby), count(standby)) == (names, 0)

    result = salvage.install(listed["end"])
    assert not result["failed"], result
    assert result["changed"]
    assert result["installed"] == forecast["installed"] == [entry["name"] for entry in listed["segments"]]
    assert (result["before"], result["replayed"]) == (before, listed["end"])
    assert result["salvaged_bytes"] == listed["bytes"] > 0
    assert count(standby) == ROWS

    # the half-received segment that was there is kept aside; all else is in its place, and nothing is left over
    wal = standby.data_directory / "pg_wal"
    assert result["replaced_directory"] == str(wal / KEPT)
    assert sorted(path.name for path in (wal / KEPT).iterdir()) == sorted(result["replaced"])
    assert set(wal_names(standby)) <= {*names, *result["installed"], KEPT}
    told = run_module("node_info", instance_of(standby))["node"]["asides"]
    assert told == ([str(wal / KEPT)] if result["replaced"] else [])
    for name in result["installed"]:
        status = (wal / name).stat()
        assert (status.st_mode & 0o777, status.st_uid) == (0o600, standby.account_entry.uid)

    again = salvage.install(listed["end"])
    assert (again["failed"], again["changed"], again["installed"]) == (False, False, [])
    assert result["replaced"]
    if segments > 1:  # promoted by a run that was cut off after that
        promote(standby)
        (wal / KEPT / "somebody's own").write_text("x")
    promoted = run_module("promote", {**instance_of(standby), "version": standby.version})
    assert promoted["primary"], promoted
    assert f"{len(result['replaced'])} WAL files that salvaged ones had replaced were removed" in promoted["reason"]
    left = ["somebody's own"] if segments > 1 else []
    assert [path.name for path in wal.glob(f"{KEPT}/*")] == left
    assert (wal / KEPT).exists() == bool(left)
    assert count(standby) == ROWS
    assert standby.sql("SELECT count(DISTINCT i) FROM t") == [(ROWS,)]
    standby.sql("INSERT INTO t VALUES (0)")


def test_nothing_was_unsent(salvage: Salvage) -> None:
    detach(salvage.standby)
    salvage.primary.kill()
    end = salvage.list()["end"]
    for position in (end, "F/0"):
        listed = salvage.list(from_lsn=position)
        assert (listed["needed"], listed["salvageable"], listed["segments"]) == (False, True, []), listed


def test_half_a_record_was_received(salvage: Salvage) -> None:
    """The walreceiver stops in the middle of a record; the rest of it comes from the dead primary."""
    standby, primary = salvage.standby, salvage.primary
    primary.sql("CREATE TABLE u AS SELECT generate_series(1, 100) AS i")
    wait_until_replayed(standby, primary)
    receiver = standby.sql("SELECT pid FROM pg_stat_wal_receiver")[0][0]
    os.kill(receiver, signal.SIGSTOP)
    primary.sql("SELECT pg_logical_emit_message(false, 'hotstandby', repeat('x', 9000000))")
    primary.sql("INSERT INTO t SELECT generate_series(1, 1000)")
    primary.kill()
    os.kill(receiver, signal.SIGCONT)
    wait_for(lambda: standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)], "the walreceiver to end")
    detach(standby)
    assert standby.sql("SELECT pg_last_wal_replay_lsn() < pg_last_wal_receive_lsn()") == [(True,)]
    listed = salvage.list()
    salvage.copy(listed)
    result = salvage.install(listed["end"])
    assert not result["failed"], result
    assert count(standby) == 1000


def test_the_end_before_a_record_that_goes_on_in_a_segment_that_was_never_made(salvage: Salvage) -> None:
    """A kill between two segments leaves a record without its second half, which no replay can reach."""
    detach(salvage.standby)
    primary = salvage.primary
    primary.sql("INSERT INTO t SELECT generate_series(1, 1000)")
    end = primary.sql("SELECT pg_current_wal_insert_lsn()::text")[0][0]
    primary.sql("SELECT pg_logical_emit_message(false, 'hotstandby', repeat('x', 40000000))")
    primary.kill()
    last = max(name for name in wal_names(primary) if len(name) == 24)
    for name in wal_names(primary):
        if len(name) == 24 and name > primary_segment(primary, end):
            (primary.data_directory / "pg_wal" / name).unlink()
    assert last > primary_segment(primary, end)
    listed = salvage.list()
    assert not listed["failed"], listed
    assert lsn(end) <= lsn(listed["end"]) < lsn(end) + 16384
    salvage.copy(listed)
    result = salvage.install(listed["end"])
    assert not result["failed"], result
    assert count(salvage.standby) == 1000


def lsn(text: str) -> int:
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def primary_segment(primary: Server, position: str) -> str:
    number = lsn(position) // (16 * 1024 * 1024)
    return f"00000001{number // 256:08X}{number % 256:08X}"


def test_a_server_that_runs_is_not_listed(salvage: Salvage) -> None:
    assert salvage.list(data_directory=salvage.primary.data_directory)["error_name"] == "server_running"
    postmaster = salvage.primary.postmaster_pid
    assert postmaster
    left = salvage.primary.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")[0][0]
    os.kill(left, signal.SIGSTOP)
    os.kill(postmaster, signal.SIGKILL)
    wait_for(lambda: processes_below(salvage.primary.data_directory) == [left], "all but one process to end")
    refused = salvage.list(timeout=1)
    assert refused["error_name"] == "server_running", refused
    assert str(left) in refused["msg"]
    os.kill(left, signal.SIGCONT)
    assert not salvage.list()["failed"]


def test_what_is_not_looked_for_is_not_listed(salvage: Salvage) -> None:
    write_alone(salvage)
    assert salvage.list(timeline=2)["error_name"] == "other_timeline"
    assert salvage.list(system_identifier="1")["error_name"] == "other_system"
    assert salvage.list(data_directory=salvage.primary.directory)["error_name"] == "not_a_cluster"
    assert salvage.list(version="9.6")["error_name"] == "version_mismatch"
    assert salvage.list(from_lsn="soon")["error_name"] == "bad_value"
    wal = salvage.primary.data_directory / "pg_wal"
    shutil.copy(wal / primary_segment(salvage.primary, "0/3000000"), wal / "00000002000000000000003F")
    assert salvage.list()["error_name"] == "other_timeline"


def test_what_was_recycled_is_told(salvage: Salvage) -> None:
    primary = salvage.primary
    detach(salvage.standby)
    held = primary_segment(primary, position_of(salvage.standby))
    for first in (1, 1001, 2001):
        primary.sql(f"INSERT INTO t SELECT generate_series({first}, {first} + 999)")
        primary.sql("SELECT pg_switch_wal()")
    primary.sql("CHECKPOINT")
    primary.sql("INSERT INTO t VALUES (0)")
    primary.kill()
    listed = salvage.list()
    assert (listed["failed"], listed["needed"], listed["salvageable"]) == (False, True, False), listed
    assert listed["missing"][0] == held
    assert held in listed["reason"]
    assert f"of the {listed['bytes']} bytes" in listed["reason"]


def test_a_file_that_is_not_what_its_name_says_is_missing(salvage: Salvage) -> None:
    primary = salvage.primary
    primary.sql("SELECT pg_create_physical_replication_slot('keeps', true)")
    write = [f"INSERT INTO t VALUES ({i})" for i in range(3)]
    detach(salvage.standby)
    for statement in write:
        primary.sql(statement)
        primary.sql("SELECT pg_switch_wal()")
    primary.sql("CHECKPOINT")
    primary.kill()
    first, second = (entry["name"] for entry in salvage.list()["segments"][:2])
    wal = primary.data_directory / "pg_wal"
    shutil.copyfile(wal / second, wal / first)
    listed = salvage.list()
    assert (listed["salvageable"], listed["missing"]) == (False, [first]), listed
    assert "it holds the WAL from" in listed["reason"]


def ready(salvage: Salvage, segments: int = 2) -> str:
    """All is copied and could be installed; return the end."""
    write_alone(salvage, segments=segments)
    listed = salvage.list()
    salvage.copy(listed)
    return str(listed["end"])


def assert_untouched(salvage: Salvage, names: list[str], result: dict[str, Any], error_name: str) -> None:
    assert result["failed"], result
    assert result["error_name"] == error_name, result
    assert wal_names(salvage.standby) == names
    assert count(salvage.standby) == 0


def test_a_candidate_that_must_not_be_touched(salvage: Salvage) -> None:
    end = ready(salvage)
    standby = salvage.standby
    names = wal_names(standby)
    assert_untouched(salvage, names, salvage.install(end, timeline=2), "other_timeline")
    assert_untouched(salvage, names, salvage.install(end, system_identifier="1"), "other_system")
    assert_untouched(salvage, names, salvage.install(end, version="9.6"), "version_mismatch")
    standby.sql("SELECT pg_wal_replay_pause()")
    assert_untouched(salvage, names, salvage.install(end), "replay_paused")
    standby.sql("SELECT pg_wal_replay_resume()")
    standby.sql("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
    standby.reload()
    assert_untouched(salvage, names, salvage.install(end), "still_streaming")
    standby.stop()
    assert salvage.install(end)["error_name"] == "not_running"
    standby.start()
    promote(standby)
    standby.sql("CHECKPOINT")  # the promotion asked for one, which recycles segments when it ends
    assert_untouched(salvage, wal_names(standby), salvage.install(end), "not_a_standby")


def test_one_that_streams_is_refused(salvage: Salvage) -> None:
    salvage.source.mkdir(mode=0o755)
    for check_mode in (True, False):
        result = salvage.install("F/0", check_mode=check_mode)
        assert result["error_name"] == "still_streaming", result


def test_files_that_are_not_what_they_should_be(salvage: Salvage) -> None:
    end = ready(salvage)
    names = wal_names(salvage.standby)
    first, second = (salvage.source / path.name for path in sorted(salvage.source.iterdir()))

    def refused(told: str, error_name: str = "bad_segment") -> None:
        for check_mode in (True, False):
            result = salvage.install(end, check_mode=check_mode)
            assert_untouched(salvage, names, result, error_name)
            assert told in result["msg"]

    content = second.read_bytes()
    second.unlink()
    refused("it is needed, and not there")
    second.write_bytes(content[:-8192])
    refused("bytes and not")
    second.write_bytes(first.read_bytes())
    refused("it holds the WAL from")
    second.write_bytes(bytes(len(content)))
    refused("does not begin like")
    second.unlink()
    second.symlink_to(first)
    refused("not a regular file")
    second.unlink()
    second.write_bytes(content)
    stranger = salvage.source / "00000002.history"
    stranger.write_text("1\t0/3000000\tx\n")
    refused("not the name of a segment")
    stranger.unlink()
    # what the candidate has is the same in both, all of it is compared
    good = first.read_bytes()
    offset = lsn(position_of(salvage.standby)) % len(good) - 1
    first.write_bytes(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
    refused("nothing was replaced", "wal_differs")
    first.write_bytes(good)
    assert not salvage.install(end)["failed"]
    assert count(salvage.standby) == ROWS


def test_what_is_damaged_further_on_is_not_replayed_and_not_reported_done(salvage: Salvage) -> None:
    end = ready(salvage)
    path = min(salvage.source.iterdir())
    content = bytearray(path.read_bytes())
    middle = lsn(position_of(salvage.standby)) % len(content) + 1024 * 1024
    content[middle : middle + 8192] = bytes(8192)
    path.write_bytes(content)
    result = salvage.install(end, timeout=2)
    assert result["error_name"] == "not_replayed", result
    assert end in result["msg"]
    assert salvage.standby.sql("SELECT pg_is_in_recovery()") == [(True,)]


def test_cut_off_and_run_again(salvage: Salvage, start_module: Callable[..., Any]) -> None:
    """Killed among the replacements; the next run finds the candidate as it is and finishes."""
    end = ready(salvage, segments=4)
    standby = salvage.standby
    wal = standby.data_directory / "pg_wal"
    first = min(path.name for path in salvage.source.iterdir())
    startup = standby_startup(standby)
    os.kill(startup, signal.SIGSTOP)  # it replays nothing meanwhile
    process = start_module(
        "wal_salvage",
        {
            "state": "installed",
            "bin_directory": standby.bin_directory,
            "data_directory": standby.data_directory,
            "source_directory": salvage.source,
            "timeline": 1,
            "end": end,
        },
    )
    wait_for((wal / KEPT / first).exists, "the first file to be replaced")
    process.kill()
    process.wait()
    assert count(standby) == 0
    os.kill(startup, signal.SIGCONT)
    standby.kill()
    standby.start()
    result = salvage.install(end)
    assert not result["failed"], result
    assert count(standby) == ROWS
    assert not list(wal.glob("xlogtemp*"))


def standby_startup(standby: Server) -> int:
    return int(standby.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'startup'")[0][0])
