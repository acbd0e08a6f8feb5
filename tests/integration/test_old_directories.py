# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a clone moved aside: it goes when nobody can miss it, and stays without holding anything up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.old_directories import why_kept
from support.clones import make_tablespace
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]


def make_aside(server: Server, stamp: str, names: tuple[str, ...] = ("PG_VERSION",)) -> Path:
    aside = server.directory / f"data.hotstandby-old-{stamp}"
    aside.mkdir()
    for name in names:
        (aside / name).touch()
    for path in (aside, *aside.iterdir()):
        server.account_entry.own(path)
    return aside


def test_a_server_that_was_used_holds_nothing_of_anybody_else(servers: ServerFactory) -> None:
    server = servers.primary(
        settings={
            "wal_level": "logical",
            "max_prepared_transactions": 5,
            "logging_collector": True,
            "track_commit_timestamp": True,
            "archive_mode": True,
            "archive_command": "true",
        }
    )
    location = make_tablespace(server, "space")
    server.sql("CREATE UNLOGGED TABLE u AS SELECT generate_series(1, 1000) AS i")
    server.sql("SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')")
    server.sql("SELECT pg_create_physical_replication_slot('nightly', true)")
    server.sql("SELECT pg_replication_origin_create('elsewhere')")
    server.sql("VACUUM u")
    server.sql("SELECT pg_switch_wal()")
    server.sql("CHECKPOINT")
    backup = server.socket_directory / "copy"
    where = ("-h", server.socket_directory, "-p", str(server.port))
    server.run("pg_basebackup", *where, "-D", backup, "-c", "fast", "-T", f"{location}={location}2")
    server.stop()
    assert why_kept(str(server.data_directory)) is None
    assert why_kept(str(location)) is None
    assert why_kept(str(backup)) is None
    server.write("server.key", "x")
    assert why_kept(str(server.data_directory)) == "server.key is not PostgreSQL's"


def test_what_cannot_or_must_not_be_removed_is_kept_and_told(servers: ServerFactory, run_module: RunModule) -> None:
    server = servers.standby("s1", servers.primary())
    gone = make_aside(server, "20260101T000000")
    closed = make_aside(server, "20260102T000000")
    (closed / "base").mkdir(mode=0)
    server.account_entry.own(closed / "base")
    mine = make_aside(server, "20260103T000000", ("PG_VERSION", "dump.sql"))
    tidied = {"state": "tidied", "data_directory": server.data_directory}
    forecast = run_module("base_backup", tidied, check_mode=True)
    assert (forecast["changed"], forecast["removed"]) == (True, [str(gone)]), forecast
    result = run_module("base_backup", tidied)
    assert (result["failed"], result["changed"], result["removed"]) == (False, True, [str(gone)]), result
    assert result["kept"] == [str(closed), str(mine)]
    warnings = str(result["warnings"])
    assert "base cannot be read or removed" in warnings
    assert "dump.sql is not PostgreSQL's" in warnings
    again = run_module("base_backup", tidied)
    assert (again["failed"], again["changed"], again["kept"]) == (False, False, [str(closed), str(mine)]), again
    assert "dump.sql" in again["reason"]
    assert (mine / "dump.sql").exists()
    (closed / "base").chmod(0o700)
    (mine / "dump.sql").unlink()
    assert run_module("base_backup", tidied)["removed"] == [str(closed), str(mine)]
