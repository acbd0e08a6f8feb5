# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No setting of a role, a database or a server, and no variable of the environment, decides what a session of ours
does: every one has its worst value here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest

from support.hostile import WORST, Life, place
from support.rewinds import make_pair
from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]

ENVIRONMENT = {
    "PGOPTIONS": "-c search_path=elsewhere -c default_transaction_read_only=on",
    "PGSERVICE": "nowhere",
    "PGTARGETSESSIONATTRS": "standby",
    "PGHOSTADDR": "192.0.2.1",
    "PGHOST": "192.0.2.1",
    "PGPORT": "1",
    "PGDATABASE": "nowhere",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nonexistent",
    "PGSSLMODE": "verify-full",
    "PGREQUIREAUTH": "md5",
    "PGCHANNELBINDING": "require",
    "PGGSSENCMODE": "require",
    "PGCLIENTENCODING": "nonsense",
    "PGDATESTYLE": "German",
    "PGTZ": "Asia/Kathmandu",
    "PGDATA": "/nonexistent",
    "PGSYSCONFDIR": "/nonexistent",
    "LOGNAME": "nobody",
    "USER": "nobody",
}


def spoil(primary: Server, standby: Server) -> None:
    """Every setting for the role, the database and both servers."""
    role, replicator = primary.account, "replicator"
    primary.sql("CREATE ROLE harmless")
    for name, value in WORST.items():
        primary.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    statements = [
        f"ALTER {what} SET {name} = '{value}'"
        for name, value in {**WORST, "idle_session_timeout": "1000"}.items()
        for what in (f"ROLE {role}", f"ROLE {replicator}", "DATABASE postgres", f"ROLE {role} IN DATABASE postgres")
    ]
    primary.sql("; ".join([*statements, f"ALTER ROLE {role} SET role = 'harmless'"]))
    # the last that this test can say by itself
    standby.configure({name: value for name, value in WORST.items() if name != "client_encoding"})
    for server in (primary, standby):
        server.run("pg_ctl", "reload", "-D", server.data_directory)


@pytest.fixture
def cluster(servers: ServerFactory) -> tuple[Server, Server]:
    return make_pair(servers)


def test_every_module_works_whatever_is_set(
    cluster: tuple[Server, Server], servers: ServerFactory, run_module: RunModule
) -> None:
    primary, standby = cluster
    before = Life(run_module, primary, standby, {}).observe()
    spoil(primary, standby)
    with pytest.raises(psycopg2.Error):  # the premise: a session of everybody else's can do nothing
        primary.sql("CREATE TABLE t2 AS SELECT generate_series(1, 1000000)")
    life = Life(run_module, primary, standby, ENVIRONMENT)
    assert life.observe() == before
    life.go_through()
    life.clone(servers.empty("third", primary.version))
    life.promote()
    primary.stop()
    life.rewind()


def test_a_server_that_keeps_us_out_is_not_said_to_be_down(servers: ServerFactory, run_module: RunModule) -> None:
    primary = servers.primary()
    before = primary.read("pg_hba.conf")
    primary.write("pg_hba.conf", f"local all all scram-sha-256\n{before}")
    primary.run("pg_ctl", "reload", "-D", primary.data_directory)
    wait_for(lambda: refuses(primary), "the rule to count")
    node = run_module("node_info", place(primary, peers=[], version=primary.version))["node"]
    assert node["has_postmaster"]
    assert f'make "local all {primary.account} peer" its first line' in node["unreadable"]


def refuses(server: Server) -> bool:
    try:
        server.connect().close()
    except psycopg2.OperationalError:
        return True
    return False
