# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""base_backup cut off at every kind of point: the next run converges and nothing is left."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_marker, find_wreck
from support.clones import (
    PASSWORD,
    broken_program,
    busy,
    clone_parameters,
    copying_processes,
    follow_parameters,
    leftovers,
    make_source,
    make_tablespace,
    slot_of,
    slots,
    start_clone,
    wait_until_copying,
    wait_until_streaming,
)
from support.modules import ModuleProcess
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]
StartModule = Callable[..., ModuleProcess]
SLOWLY = {"max_rate": "1M"}


def converge(server: Server, source: Server, run_module: RunModule, params: dict[str, Any]) -> dict[str, Any]:
    """Run again; the clone has to be whole and to stream, and nothing may be left."""
    result = run_module("base_backup", params)
    assert not result["failed"], result
    assert copying_processes(server) == []
    assert slots(source) == {slot_of(server): False}
    directory = Path(params["data_directory"])
    assert find_wreck(str(directory)) is None
    kept = {str(Path(path).relative_to(server.directory)) for path in result["moved_aside"]}
    assert set(leftovers(server.directory)) == kept
    followed = run_module("recovery_config", follow_parameters(server, source, data_directory=directory))
    assert not followed["failed"], followed
    start_clone(server)
    wait_until_streaming(server, source)
    return result


def test_pg_basebackup_killed(servers: ServerFactory, run_module: RunModule, start_module: StartModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    module = start_module("base_backup", {**params, **SLOWLY})
    first = wait_until_copying(server, Path(f"{server.data_directory}.hotstandby-clone"))[0]
    os.kill(first, signal.SIGKILL)
    result = module.wait()
    assert result["error_name"] == "clone_failed", result
    assert "failed: it was killed by signal 9" in result["msg"]
    assert "nothing was changed" in result["msg"]
    assert copying_processes(server) == []
    assert leftovers(server.directory) == []
    assert slots(source) == {}
    converge(server, source, run_module, params)


def test_a_clone_that_is_under_way_is_not_disturbed_by_a_second_one(
    servers: ServerFactory, run_module: RunModule, start_module: StartModule
) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    module = start_module("base_backup", {**params, **SLOWLY})
    copying = wait_until_copying(server, Path(f"{server.data_directory}.hotstandby-clone"))
    for pid in copying:
        os.kill(pid, signal.SIGSTOP)  # as long as the second one needs
    try:
        second = run_module("base_backup", params)
        assert (second["failed"], second["error_name"]) == (True, "clone_running"), second
        assert set(copying) <= set(copying_processes(server))
    finally:
        for pid in copying:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    result = module.wait()
    assert (result["failed"], result["changed"]) == (False, True), result
    assert (server.data_directory / "global/pg_control").exists()


def test_module_killed(servers: ServerFactory, run_module: RunModule, start_module: StartModule) -> None:
    source = make_source(servers)
    location = make_tablespace(source, "ts")
    server = servers.empty("s1")
    place = server.directory / "ts"
    params = clone_parameters(server, source, tablespace_mapping={str(location): str(place)})
    module = start_module("base_backup", {**params, **SLOWLY})
    wait_until_copying(server, Path(f"{server.data_directory}.hotstandby-clone"))
    module.kill()
    assert module.wait()["rc"] == -signal.SIGKILL
    # its pg_basebackup goes on without it
    assert copying_processes(server)
    assert find_wreck(str(server.data_directory)) == "a clone was cut off while it was copied"
    result = converge(server, source, run_module, params)
    assert result["slot_created"] is False


def test_second_run_takes_over_from_an_orphan(
    servers: ServerFactory, run_module: RunModule, start_module: StartModule
) -> None:
    """The controller was killed, the module on the host goes on: the next run does not wait for hours."""
    source = make_source(servers)
    server = servers.empty("s1")
    params = clone_parameters(server, source)
    orphan = start_module("base_backup", {**params, "max_rate": "32k"})
    wait_until_copying(server, Path(f"{server.data_directory}.hotstandby-clone"))
    # where nothing is yet, too, and without disturbing it
    assert busy(server, run_module) == "clone"
    claim = {"id": "second", "file": server.directory.parent / "second.run"}
    converge(server, source, run_module, {**params, "run": claim})
    assert orphan.wait()["error_name"] == "clone_failed"
    assert busy(server, run_module) is None
    assert (server.data_directory / "PG_VERSION").exists()
    assert leftovers(server.directory) == []


def test_no_process_shows_the_password(servers: ServerFactory, start_module: StartModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    module = start_module("base_backup", clone_parameters(server, source, max_rate="1M"))
    pids = wait_until_copying(server, Path(f"{server.data_directory}.hotstandby-clone"))
    shown = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (module.pid, *pids)}
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]
    module.kill(group=True)
    assert len(shown) > 2
    assert any(b"pg_basebackup" in line for line in shown.values())
    assert all(PASSWORD.encode() not in text for text in (*shown.values(), *environments))
    assert all(b"PGPASSFILE=" in text for text in environments)


def test_time_limit(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    server = servers.empty("s1")
    result = run_module("base_backup", clone_parameters(server, source, max_rate="32k", timeout=2))
    assert result["error_name"] == "timed_out", result
    assert copying_processes(server) == []
    assert leftovers(server.directory) == []
    assert slots(source) == {}


def test_killed_while_verifying(servers: ServerFactory, run_module: RunModule) -> None:
    """The copy is whole, but nothing says so yet: it is made anew. The old cluster is not touched."""
    source = make_source(servers)
    server = servers.primary("s1", start=False)
    params = clone_parameters(server, source, replace=True)
    before = server.run("pg_controldata", "-D", server.data_directory).stdout
    with broken_program(server, "pg_verifybackup", "#!/bin/sh\nkill -9 $PPID\n") as programs:
        killed = run_module("base_backup", {**params, "bin_directory": programs})
    assert killed["rc"] == -signal.SIGKILL
    assert before == server.run("pg_controldata", "-D", server.data_directory).stdout
    assert find_wreck(str(server.data_directory)) is None
    refused = run_module("base_backup", {**params, "replace": False})
    assert refused["error_name"] == "data_present"
    assert leftovers(server.directory) == []
    assert len(converge(server, source, run_module, params)["moved_aside"]) == 1


def test_cut_off_while_put_into_place(servers: ServerFactory, run_module: RunModule) -> None:
    """The swap fails between the old data directory and the tablespace; the next run finishes it, without a copy."""
    source = make_source(servers)
    location = make_tablespace(source, "ts")
    server = servers.primary("s1", start=False)
    place = server.directory / "ts"
    params = clone_parameters(server, source, replace=True, tablespace_mapping={str(location): str(place)})
    script = f'#!/bin/sh\nREAL "$@" && chmod 500 {place}\n'
    with broken_program(server, "pg_verifybackup", script) as programs:
        failed = run_module("base_backup", {**params, "bin_directory": programs})
    assert failed["error_name"] == "swap_failed", failed
    assert "goes on where it stopped" in failed["msg"]
    assert "was cut off while it was put into place" in str(find_wreck(str(server.data_directory)))
    assert not server.data_directory.exists()
    assert slots(source) == {slot_of(server): False}
    marker = find_marker(str(server.data_directory))
    assert marker is not None
    place.chmod(0o700)
    source.sql("CHECKPOINT")
    result = converge(server, source, run_module, {**params, "replace": False, "bin_directory": server.bin_directory})
    assert "was finished" in result["reason"]
    assert result["moved_aside"] == list(marker.asides)
    assert result["verified"] is True
    assert server.sql("SELECT count(*) FROM in_ts") == [(500,)]
    assert find_marker(str(server.data_directory)) is None
