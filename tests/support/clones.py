# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of cloning share: a source that lets the replication user in, and how a clone is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.processes import descendants, processes_below, program_of
from support.servers import Server, ServerFactory
from support.waiting import wait_for

USER = "replicator"
# Everything that a passfile, a connection string, a shell or a template could stumble over.
PASSWORD = "p'a\"s\\s:w o%r#d {{ x }} ü"
ADDRESS = "127.0.0.1"


def make_source(servers: ServerFactory, settings: Mapping[str, str | int | bool] | None = None) -> Server:
    """A primary with a replication user, which no access rules but its own two let in."""
    source = servers.primary(settings={"wal_log_hints": True, **(settings or {})}, initdb=["-k"], start=False)
    rules = [f"host {database} {USER} {ADDRESS}/32 scram-sha-256" for database in ("replication", "postgres")]
    source.write("pg_hba.conf", "\n".join(["local all all peer", "local replication all peer", *rules, ""]))
    source.start()
    source.sql(f"CREATE ROLE {USER} LOGIN REPLICATION")
    source.sql("SELECT set_config('password_encryption', 'scram-sha-256', false)")
    source.sql(f"ALTER ROLE {USER} PASSWORD %s", (PASSWORD,))
    return source


def make_tablespace(source: Server, name: str) -> Path:
    """A tablespace with a table in it."""
    location = source.directory / name
    location.mkdir(mode=0o700)
    source.account_entry.own(location)
    source.sql(f"CREATE TABLESPACE {name} LOCATION '{location}'")
    source.sql(f"CREATE TABLE in_{name} TABLESPACE {name} AS SELECT generate_series(1, 500) AS i")
    return location


def make_passfile(server: Server, source: Server, password: str = PASSWORD) -> Path:
    """A passfile next to the server's data directory."""
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    path = server.directory / "passfile"
    path.write_text(f"{ADDRESS}:{source.port}:*:{USER}:{escaped}\n", encoding="utf-8")
    path.chmod(0o600)
    server.account_entry.own(path)
    return path


def clone_parameters(server: Server, source: Server, **more: Any) -> dict[str, Any]:
    """Parameters of base_backup."""
    return {
        "bin_directory": server.bin_directory,
        "data_directory": server.data_directory,
        "version": server.version,
        "primary_host": ADDRESS,
        "primary_port": source.port,
        "user": USER,
        "passfile": make_passfile(server, source),
        "slot": slot_of(server),
        "application_name": server.name,
        **more,
    }


def follow_parameters(server: Server, source: Server, **more: Any) -> dict[str, Any]:
    """Parameters of recovery_config."""
    return {
        "data_directory": server.data_directory,
        "version": server.version,
        "primary_host": ADDRESS,
        "primary_port": source.port,
        "user": USER,
        "passfile": make_passfile(server, source),
        "slot": slot_of(server),
        "application_name": server.name,
        "port": server.port,
        **more,
    }


def slot_of(server: Server) -> str:
    return f"hotstandby_{server.name}"


def slots(source: Server) -> dict[str, bool]:
    """Names of the source's slots, and whether each is in use."""
    return dict(source.sql("SELECT slot_name::text, active FROM pg_replication_slots"))


def start_clone(server: Server) -> None:
    """Give the clone its own port and socket, and start it."""
    server.configure(server.own_settings())
    server.start()


def wait_until_streaming(server: Server, source: Server) -> None:
    query = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
    wait_for(lambda: source.sql(query, (server.name,)), f"{server.name} to stream from {source.name}")


def wait_until_replayed(server: Server, source: Server) -> None:
    """Wait until all that the source has written so far can be read."""
    lsn = source.sql("SELECT pg_current_wal_lsn()::text")[0][0]
    query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
    wait_for(lambda: server.sql(query, (lsn,))[0][0], f"{server.name} to replay {lsn}")


def busy(server: Server, run_module: Callable[..., dict[str, Any]]) -> str | None:
    """What module node_info says that works on its data directory."""
    known = {"bin_directory": server.bin_directory, "data_directory": server.data_directory, "port": server.port}
    result = run_module("node_info", {**known, "socket_directory": server.socket_directory})
    assert not result["failed"], result
    found: str | None = result["node"]["busy"]
    return found


def leftovers(directory: Path) -> list[str]:
    """All that clones have left below a directory, asides too."""
    return sorted(
        str(Path(found[0], name).relative_to(directory))
        for found in os.walk(directory)
        for name in (*found[1], *found[2])
        if "hotstandby-" in name
    )


def copying_processes(server: Server) -> list[int]:
    """Pids of pg_basebackup that write below the server's directory."""
    return [pid for pid in processes_below(server.directory) if program_of(pid) == "pg_basebackup"]


def wait_until_copying(server: Server, side: Path) -> list[int]:
    """Wait until some of the copy is there; return the pids of pg_basebackup, the one that started the others first."""
    wait_for((side / "base").exists, "the copy to begin")
    return sorted(copying_processes(server), key=lambda pid: -len(descendants(pid)))


@contextmanager
def broken_program(server: Server, name: str, script: str) -> Iterator[Path]:
    """A bin directory like the server's, in which one program is the given shell script."""
    directory = server.directory / "bin"
    directory.mkdir()
    for program in server.bin_directory.iterdir():
        if program.name != name:
            (directory / program.name).symlink_to(program)
    if script:
        (directory / name).write_text(script.replace("REAL", str(server.bin_directory / name)), encoding="utf-8")
        (directory / name).chmod(0o755)
    directory.chmod(0o755)
    yield directory
