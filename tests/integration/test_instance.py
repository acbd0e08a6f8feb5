# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module instance with the layout plain: a cluster where nothing is, and nothing where something is."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.account import test_account as account_of_tests
from support.processes import freeze_below
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
SCRATCH_SUFFIX = ".hotstandby-instance"


@pytest.fixture
def empty(servers: ServerFactory) -> Server:
    return servers.empty("i")


def parameters(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "layout": "plain",
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "config_directory": server.config_directory,
        "owner": server.account,
        **more,
    }


def control_data(server: Server) -> str:
    return server.run("pg_controldata", "-D", server.data_directory).stdout


def listing(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.rglob("*") if path.name != "program.out")


def open_files(pid: int) -> list[str]:
    return [os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]


def mkdir(path: Path) -> Path:
    path.mkdir(parents=True)
    account_of_tests().own(path)
    return path


def test_made_once(empty: Server, run_module: RunModule) -> None:
    result = run_module("instance", parameters(empty), diff=True)
    assert not result["failed"], result
    assert (result["changed"], result["made"]) == (True, ["data"])
    assert result["diff"] == {"before": {"data": "absent"}, "after": {"data": "present"}}
    assert sorted(path.name for path in empty.directory.iterdir()) == ["data", "socket"]
    assert empty.data_directory.stat().st_mode & 0o777 == 0o700
    assert "Data page checksum version:           1" in control_data(empty)
    rules = [line.split() for line in empty.read("pg_hba.conf").split("\n") if line and line[0] != "#"]
    assert {rule[-1] for rule in rules} == {"peer", "scram-sha-256"}
    empty.configure(empty.own_settings())
    empty.start()
    assert empty.sql("SHOW server_encoding") == [("UTF8",)]
    assert empty.sql("SELECT lower('Ä')") == [("ä",)]
    before = control_data(empty)
    again = run_module("instance", parameters(empty))
    assert (again["changed"], again["reason"]) == (False, "the instance is there already")
    assert control_data(empty) == before


def test_an_empty_directory_is_used(empty: Server, run_module: RunModule) -> None:
    mkdir(empty.data_directory)
    assert run_module("instance", parameters(empty))["changed"]
    assert (empty.data_directory / "PG_VERSION").exists()


def test_a_link_to_an_empty_directory_stays_one(empty: Server, run_module: RunModule) -> None:
    elsewhere = mkdir(empty.directory / "disk" / "cluster")
    account_of_tests().own(elsewhere.parent)
    empty.data_directory.symlink_to(elsewhere)
    assert run_module("instance", parameters(empty))["changed"]
    assert empty.data_directory.is_symlink()
    assert (elsewhere / "PG_VERSION").exists()
    assert [path.name for path in elsewhere.parent.iterdir()] == ["cluster"]


def test_missing_directories_above_are_made(empty: Server, run_module: RunModule) -> None:
    deep = empty.directory / "a" / "b" / "data"
    wanted = parameters(empty, data_directory=deep, config_directory=deep)
    assert run_module("instance", wanted)["changed"]
    assert (deep / "PG_VERSION").exists()


def test_options(empty: Server, run_module: RunModule) -> None:
    wal = empty.directory / "wal"
    wanted = parameters(
        empty,
        data_checksums=False,
        wal_directory=wal,
        encoding="LATIN1",
        locale="C",
        extra_initdb=["--wal-segsize=1"],
    )
    assert run_module("instance", wanted)["changed"]
    text = control_data(empty)
    assert "Data page checksum version:           0" in text
    assert "Bytes per WAL segment:                1048576" in text
    assert (empty.data_directory / "pg_wal").resolve() == wal
    empty.configure(empty.own_settings())
    empty.start()
    assert empty.sql("SHOW server_encoding") == [("LATIN1",)]


def test_a_directory_that_holds_something_is_refused(empty: Server, run_module: RunModule) -> None:
    mkdir(empty.data_directory)
    (empty.data_directory / "precious").write_text("x")
    before = listing(empty.directory)
    for check_mode in (False, True):
        result = run_module("instance", parameters(empty), check_mode=check_mode)
        assert (result["failed"], result["error_name"]) == (True, "not_empty")
        assert "it holds precious" in result["msg"]
    assert listing(empty.directory) == before


def test_a_cluster_of_another_version_is_refused(empty: Server, run_module: RunModule) -> None:
    mkdir(empty.data_directory)
    (empty.data_directory / "PG_VERSION").write_text("9.4\n")
    result = run_module("instance", parameters(empty))
    assert (result["failed"], result["error_name"]) == (True, "version_mismatch")


def test_an_initdb_that_fails_leaves_nothing(empty: Server, run_module: RunModule) -> None:
    before = listing(empty.directory)
    result = run_module("instance", parameters(empty, encoding="KLINGON"))
    assert (result["failed"], result["error_name"]) == (True, "program_failed")
    assert "KLINGON" in result["msg"]
    assert listing(empty.directory) == before


@pytest.mark.parametrize("with_wal_directory", [False, True])
def test_killed_half_way_the_next_run_does_it(
    empty: Server, run_module: RunModule, start_module: Callable[..., Any], with_wal_directory: bool
) -> None:
    wal = empty.directory / "wal"
    wanted = parameters(empty, wal_directory=wal if with_wal_directory else None)
    module = start_module("instance", wanted)
    scratch = Path(f"{empty.data_directory}{SCRATCH_SUFFIX}")
    wait_for((scratch / "data" / "global" / "pg_control").exists, "initdb to be half way")
    module.kill(group=True)
    assert module.wait()["failed"]
    assert not empty.data_directory.exists()
    assert scratch.exists()
    result = run_module("instance", wanted)
    assert not result["failed"], result
    assert result["changed"]
    assert "cut off" in result["reason"]
    assert not scratch.exists()
    empty.configure(empty.own_settings())
    empty.start()
    assert (empty.data_directory / "pg_wal").is_symlink() == with_wal_directory


def test_programs_of_a_killed_run_are_waited_for(
    empty: Server, run_module: RunModule, start_module: Callable[..., Any]
) -> None:
    module = start_module("instance", parameters(empty))
    scratch = Path(f"{empty.data_directory}{SCRATCH_SUFFIX}")
    wait_for((scratch / "data" / "PG_VERSION").exists, "initdb to be on its way")
    orphans = freeze_below(scratch)
    module.kill()
    assert module.wait()["failed"]
    # initdb goes on, and holds the directory
    assert orphans
    assert all(str(scratch) in open_files(pid) for pid in orphans)
    second = start_module("instance", parameters(empty))
    for pid in orphans:
        os.kill(pid, signal.SIGCONT)
    result = second.wait()
    assert (result["failed"], result["changed"]) == (False, True), result
    assert not scratch.exists()
    assert not run_module("instance", parameters(empty))["changed"]
    empty.configure(empty.own_settings())
    empty.start()


def test_in_a_directory_whose_parent_is_not_ours(empty: Server, run_module: RunModule) -> None:
    parent = empty.directory / "parent"
    parent.mkdir(mode=0o755)
    data = mkdir(parent / "data")
    parent.chmod(0o555)
    try:
        wanted = parameters(empty, data_directory=data, config_directory=data)
        assert run_module("instance", wanted)["changed"]
        assert not run_module("instance", wanted)["changed"]
    finally:
        parent.chmod(0o755)
    assert (data / "PG_VERSION").exists()


def test_a_standby_needs_nothing_before_its_clone(empty: Server, run_module: RunModule) -> None:
    before = listing(empty.directory)
    result = run_module("instance", parameters(empty, contents="configuration_only"))
    assert (result["failed"], result["changed"]) == (False, False)
    assert listing(empty.directory) == before


@pytest.mark.parametrize("installed", [False, True])
def test_check_mode_changes_nothing(empty: Server, run_module: RunModule, installed: bool) -> None:
    before = listing(empty.directory)
    wanted = parameters(empty, owner="nobody_yet")
    if not installed:
        wanted["bin_directory"] = "/nonexistent"
    result = run_module("instance", wanted, check_mode=True)
    assert (result["failed"], result["changed"]) == (False, True)
    assert listing(empty.directory) == before


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"owner": "somebody_else"}, "not_the_owner"),
        ({"config_directory": "/elsewhere"}, "other_config_directory"),
        ({"version": "9.4"}, "version_unsupported"),
        ({"layout": "debian", "version": "15", "instance": "of_no_one", "config_directory": None}, "needs_root"),
    ],
)
def test_what_is_refused(empty: Server, run_module: RunModule, wrong: dict[str, Any], name: str) -> None:
    result = run_module("instance", parameters(empty, **wrong))
    assert (result["failed"], result["error_name"]) == (True, name)
    assert not empty.data_directory.exists()
