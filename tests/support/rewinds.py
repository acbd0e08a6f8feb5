# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of rewinding share: an old primary with rows of its own, next to the standby that was promoted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from support.clones import (
    USER,
    clone_parameters,
    follow_parameters,
    make_source,
    wait_until_replayed,
    wait_until_streaming,
)
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]
GRANTS = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)
COMMENT = "# this line is the old primary's own"


def make_pair(
    servers: ServerFactory, settings: Mapping[str, str | int | bool] | None = None, standby: str = "n"
) -> tuple[Server, Server]:
    """A primary whose replication user may rewind, and a standby that has all of it."""
    # or a clean stop recycles what pg_rewind has to read
    old = make_source(servers, {"wal_keep_size": "320MB", **(settings or {})})
    for function in GRANTS:
        old.sql(f"GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO {USER}")
    old.sql(f"GRANT pg_checkpoint TO {USER}")
    old.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i")
    new = servers.standby(standby, old)
    # so much to write that the checkpoint after a promotion, which is in no hurry, takes more than a minute
    old.sql("CREATE TABLE dirty AS SELECT i, repeat('x', 1000) AS filler FROM generate_series(1, 8000) AS i")
    old.write("postgresql.conf", f"{old.read('postgresql.conf')}{COMMENT}\n")
    wait_until_replayed(new, old)
    return old, new


def promote(new: Server) -> None:
    """Promote without a checkpoint, as it is right after a failover; it writes rows of its own."""
    new.run("pg_ctl", "promote", "-w", "-D", new.data_directory)
    new.sql("INSERT INTO t SELECT generate_series(2001, 2010)")


def diverge(old: Server, new: Server) -> None:
    """Let each have rows that the other has not."""
    promote(new)
    old.sql("INSERT INTO t SELECT generate_series(5001, 5500)")


def diverged(
    servers: ServerFactory, settings: Mapping[str, str | int | bool] | None = None, *, kill: bool = False
) -> tuple[Server, Server]:
    """An old primary that was stopped after both have gone their ways, and the new one."""
    old, new = make_pair(servers, settings)
    diverge(old, new)
    if kill:
        old.kill()
    else:
        old.stop()
    return old, new


def rewind_parameters(old: Server, new: Server, **more: Any) -> dict[str, Any]:
    """Parameters of rewind."""
    known = ("bin_directory", "data_directory", "version", "primary_host", "primary_port", "user", "passfile")
    parameters = clone_parameters(old, new)
    return {**{name: parameters[name] for name in known}, **more}


def follow(old: Server, new: Server, run_module: RunModule) -> None:
    """Start it as a standby, and see that it has what the new primary has, and nothing else."""
    result = run_module("recovery_config", follow_parameters(old, new, slot=None))
    assert not result["failed"], result
    old.start()
    wait_until_streaming(old, new)
    new.sql("INSERT INTO t VALUES (9999)")
    wait_until_replayed(old, new)
    query = "SELECT count(*), sum(i) FROM t"
    assert old.sql(query) == new.sql(query)
    assert old.sql("SELECT count(*) FROM t WHERE i BETWEEN 5001 AND 5500") == [(0,)]
    assert old.sql("SELECT pg_is_in_recovery()") == [(True,)]


def control_data(server: Server) -> str:
    return server.run("pg_controldata", "-D", server.data_directory).stdout


def listing(server: Server) -> dict[str, tuple[int, int]]:
    """Every file of the data directory with size and time of its last change."""
    return {
        str(path.relative_to(server.data_directory)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in server.data_directory.rglob("*")
        if not path.is_dir()
    }
