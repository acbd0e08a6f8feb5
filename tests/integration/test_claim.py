# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module acts only while the node bears the claim of its run."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import account
from support.modules import ModuleProcess
from support.promotions import in_recovery, kill, wait_until_alone, wait_until_caught_up
from support.servers import ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]
HERE = {"who": "alice", "host": "laptop", "playbook": "failover.yml", "since": "03:00", "controller": "here"}


@pytest.fixture
def home() -> Iterator[Path]:
    directory = account.make_directory("hs-claim-", account.test_account())
    yield directory
    account.remove_directory(directory)


@pytest.fixture
def file(home: Path) -> str:
    return str(home / "hotstandby-15-main.run")


def run_of(name: str, file: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "file": file, **HERE, "process": f"{name} 1", "neighbours": ["a 1", "b 1"], **more}


def acting(name: str, file: str) -> dict[str, str]:
    return {"id": name, "file": file}


def look(run_module: RunModule, home: Path, run: dict[str, Any], **more: Any) -> dict[str, Any]:
    params = {"bin_directory": "/nowhere", "data_directory": home / "data", "run": run}
    claim: dict[str, Any] = run_module("node_info", params, **more)["claim"]
    return claim


def test_the_first_look_claims_a_node_once(home: Path, file: str, run_module: RunModule) -> None:
    assert look(run_module, home, run_of("a", file, action="take"), check_mode=True)["granted"]
    assert not os.path.exists(file), "check mode has claimed the node"

    assert look(run_module, home, run_of("a", file, action="take"))["granted"]
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert look(run_module, home, run_of("a", file, action="look"))["granted"]
    second = look(run_module, home, run_of("b", file, action="take"))
    assert (second["granted"], second["holder"]["id"], second["holder"]["who"]) == (False, "a", "alice"), second
    assert 0 <= second["age_seconds"] < 60

    # its process has ended
    assert look(run_module, home, run_of("b", file, action="take", neighbours=["b 1"]))["granted"]
    first = look(run_module, home, run_of("a", file, action="look"))
    assert (first["granted"], first["holder"]["id"]) == (False, "b")


def test_a_node_is_taken_over_when_the_user_says_so_and_free_when_it_was_released(
    home: Path, file: str, run_module: RunModule
) -> None:
    assert look(run_module, home, run_of("a", file, action="take"))["granted"]
    assert look(run_module, home, run_of("b", file, action="take", take_over=True))["granted"]
    look(run_module, home, run_of("a", file, action="release"))
    assert not look(run_module, home, run_of("a", file, action="take"))["granted"], "released what is another's"
    look(run_module, home, run_of("b", file, action="release"))
    assert look(run_module, home, {"file": file})["granted"]
    assert look(run_module, home, run_of("a", file, action="take"))["granted"]


def test_a_module_of_an_overtaken_run_does_nothing(home: Path, file: str, run_module: RunModule) -> None:
    passfile = home / "replication.pgpass"
    params = {"path": passfile, "password": "x", "entries": [{"host": "h", "port": 1, "database": "*", "user": "u"}]}
    look(run_module, home, run_of("a", file, action="take"))
    look(run_module, home, run_of("b", file, action="take", take_over=True))
    result = run_module("passfile", {**params, "run": acting("a", file)})
    assert result["error_name"] == "overtaken", result
    assert "failover.yml of alice on laptop" in result["msg"]
    assert not passfile.exists()
    assert run_module("passfile", {**params, "run": acting("b", file)})["changed"]
    assert run_module("passfile", {**params, "run": acting("a", file)}, check_mode=True).get("error_name") is None


def test_the_lock_is_held_during_an_act_and_waited_for_by_who_overtakes(
    servers: ServerFactory, home: Path, file: str, run_module: RunModule, start_module: StartModule
) -> None:
    server = servers.primary()
    look(run_module, home, run_of("a", file, action="take"))
    # a stop that does not end until the server's process may go on
    params = {
        "bin_directory": server.bin_directory, "data_directory": server.data_directory, "service": "pg_ctl",
        "state": "stopped", "timeout": 60, "log_file": server.log_file,
    }  # fmt: skip
    postmaster = server.postmaster_pid
    if postmaster is None:
        raise AssertionError("the server does not run")
    os.kill(postmaster, signal.SIGSTOP)
    try:
        stop = start_module("server", {**params, "run": acting("a", file)})
        wait_for(lambda: _waits_for(stop, file), "the stop to begin")
        denied = look(run_module, home, run_of("b", file, action="take"))
        assert (denied["granted"], denied["holder"]["id"]) == (False, "a"), "who may not claim it does not wait either"
        look_of_b = run_of("b", file, action="take", take_over=True)
        nowhere = {"bin_directory": "/nowhere", "data_directory": home / "data"}
        overtaking = start_module("node_info", {**nowhere, "run": look_of_b})
        wait_for(lambda: _waits_for(overtaking, file), "the second run to wait")
        assert stop.running
    finally:
        os.kill(postmaster, signal.SIGCONT)
    assert stop.wait()["changed"]
    assert overtaking.wait()["claim"]["granted"]


def test_whoever_waits_for_the_end_of_an_earlier_stop_can_be_overtaken(
    servers: ServerFactory, home: Path, file: str, run_module: RunModule, start_module: StartModule
) -> None:
    server = servers.primary()
    look(run_module, home, run_of("a", file, action="take"))
    client = server.connect("postgres")  # an orderly stop waits for it
    postmaster = server.postmaster_pid
    if postmaster is None:
        raise AssertionError("the server does not run")
    os.kill(postmaster, signal.SIGTERM)
    wait_for(lambda: "stopping" in server.read("postmaster.pid"), "the stop to begin")
    params = {
        "bin_directory": server.bin_directory, "data_directory": server.data_directory, "service": "pg_ctl",
        "state": "started", "timeout": 600, "log_file": server.log_file,
    }  # fmt: skip
    start = start_module("server", {**params, "run": acting("a", file)})
    wait_for(lambda: _waits_for(start, file), "the module to wait")
    assert look(run_module, home, run_of("b", file, action="take", take_over=True))["granted"]
    client.close()
    result = start.wait()
    assert result.get("error_name") == "overtaken", result
    assert not server.running


def _waits_for(process: ModuleProcess, file: str) -> bool:
    """Whether the module has the claim open."""
    try:
        opened = os.listdir(f"/proc/{process.pid}/fd")
        return any(os.readlink(f"/proc/{process.pid}/fd/{number}") == file for number in opened)
    except OSError:
        return False


def test_a_candidate_that_was_overtaken_is_not_promoted(
    servers: ServerFactory, home: Path, file: str, run_module: RunModule
) -> None:
    primary = servers.primary()
    standby = servers.standby("s", primary)
    wait_until_caught_up(standby, primary)
    kill(primary)
    wait_until_alone(standby)
    params = {"bin_directory": standby.bin_directory, "data_directory": standby.data_directory}
    look(run_module, home, run_of("a", file, action="take"))
    look(run_module, home, run_of("b", file, action="take", take_over=True))
    result = run_module("promote", {**params, "run": acting("a", file)})
    assert result["error_name"] == "overtaken", result
    assert in_recovery(standby)
    assert run_module("promote", {**params, "run": acting("b", file)})["promoted"]


def test_an_armed_candidate_that_is_overtaken_while_it_waits_is_not_promoted(
    servers: ServerFactory, home: Path, file: str, run_module: RunModule, start_module: StartModule
) -> None:
    primary = servers.primary()
    standby = servers.standby("s", primary)
    wait_until_caught_up(standby, primary)
    params = {
        "bin_directory": standby.bin_directory, "data_directory": standby.data_directory,
        "when": "primary_has_stopped", "arm_timeout": 60,
    }  # fmt: skip
    look(run_module, home, run_of("a", file, action="take"))
    armed = start_module("promote", {**params, "run": acting("a", file)})
    armed_sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hotstandby armed'"
    wait_for(lambda: standby.sql(armed_sessions) == [(1,)], "the candidate to be armed")
    assert look(run_module, home, run_of("b", file, action="take", take_over=True))["granted"], "it may be overtaken"
    primary.stop()
    result = armed.wait()
    assert result.get("error_name") == "overtaken", result
    assert in_recovery(standby)


def test_a_claim_is_kept_alive_by_work_that_takes_long(
    servers: ServerFactory, home: Path, file: str, run_module: RunModule, start_module: StartModule
) -> None:
    primary = servers.primary()
    standby = servers.standby("s", primary)
    wait_until_caught_up(standby, primary)
    look(run_module, home, run_of("a", file, action="take"))
    armed = start_module(
        "promote",
        {
            "bin_directory": standby.bin_directory, "data_directory": standby.data_directory,
            "when": "primary_has_stopped", "arm_timeout": 60, "run": acting("a", file),
        },
    )  # fmt: skip
    # as if it had begun long ago
    wait_for(lambda: _waits_for(armed, file), "the claim to be kept")
    os.utime(file, (1, 1))
    wait_for(lambda: os.stat(file).st_mtime > 1, "a sign of life")
    armed.kill()
    armed.wait()


def test_a_full_disk_does_not_keep_a_node_from_being_claimed(home: Path, file: str, run_module: RunModule) -> None:
    look(run_module, home, run_of("a", file, action="take"))
    size = os.stat(file).st_size
    look(run_module, home, run_of("b", file, action="take", take_over=True, who="a much longer name of a user"))
    assert os.stat(file).st_size == size, "the text would need room"
    assert json.loads(Path(file).read_text(encoding="utf-8"))["id"] == "b"


def test_a_torn_claim_names_nobody(home: Path, file: str, run_module: RunModule) -> None:
    look(run_module, home, run_of("a", file, action="take"))
    Path(file).write_text('{"id": "a', encoding="utf-8")
    assert look(run_module, home, run_of("b", file, action="take"))["granted"]
