# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An ordinary user who may create what he likes in database postgres gets nothing through our superuser's sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.clones import wait_until_replayed
from support.hostile import Life
from support.plants import CAUGHT, MORE, PLANT, TRAP
from support.rewinds import make_pair
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]

OWN_TRIGGER = (
    f"CREATE FUNCTION public.sprung() RETURNS trigger LANGUAGE plpgsql AS $f$BEGIN {TRAP}; RETURN new; END $f$",
    "CREATE TRIGGER sprung BEFORE INSERT OR UPDATE ON hotstandby.probe FOR EACH ROW EXECUTE FUNCTION public.sprung()",
)
TABLE = "CREATE TABLE hotstandby.probe (id int PRIMARY KEY, token text, written pg_catalog.timestamptz)"


def as_mallory(server: Server, *statements: str) -> None:
    """As the ordinary user."""
    server.sql("; ".join(("SET SESSION AUTHORIZATION mallory", *statements)))


def gained(server: Server) -> list[tuple[Any, ...]]:
    """What mallory has: superuser, memberships."""
    return server.sql(
        "SELECT rolsuper, ARRAY(SELECT roleid FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid)"
        " FROM pg_catalog.pg_roles r WHERE rolname OPERATOR(pg_catalog.=) 'mallory'"
    )


@pytest.fixture
def pair(servers: ServerFactory) -> tuple[Server, Server]:
    primary, standby = make_pair(servers)
    primary.sql("CREATE ROLE mallory LOGIN")
    primary.sql("GRANT CREATE ON DATABASE postgres TO mallory")
    primary.sql("GRANT CREATE ON SCHEMA public TO mallory")
    return primary, standby


def test_nothing_that_he_plants_is_run(pair: tuple[Server, Server], run_module: RunModule) -> None:
    primary, standby = pair
    before = gained(primary)
    as_mallory(primary, PLANT, *MORE)
    assert primary.sql("SELECT count(*) > 100 FROM pg_proc WHERE proowner = 'mallory'::regrole") == [(True,)]
    wait_until_replayed(standby, primary)
    # sites that have their own schema first, for the superuser too
    primary.sql(f"ALTER ROLE {primary.account} SET search_path = public, pg_catalog")
    life = Life(run_module, primary, standby, {})
    life.observe()
    life.go_through()
    assert gained(primary) == before
    life.promote()
    primary.stop()
    life.rewind()
    assert gained(standby) == before
    assert CAUGHT not in primary.log_text() + standby.log_text()


@pytest.mark.parametrize(
    ("case", "statements", "why"),
    [
        ("his schema", ("CREATE SCHEMA hotstandby",), "the schema hotstandby belongs to mallory"),
        ("his table", ("CREATE SCHEMA hotstandby", TABLE, *OWN_TRIGGER), "the schema hotstandby belongs to mallory"),
        ("his table in our schema", (TABLE, *OWN_TRIGGER), "hotstandby.probe belongs to mallory"),
        ("his trigger on our table", OWN_TRIGGER, "hotstandby.probe has triggers of its own"),
    ],
)
def test_a_probe_that_is_his_is_neither_written_nor_read(
    case: str, statements: tuple[str, ...], why: str, pair: tuple[Server, Server], run_module: RunModule
) -> None:
    primary, standby = pair
    write = {"action": "write", "port": primary.port, "socket_directory": primary.socket_directory}
    read = {"action": "read", "port": standby.port, "socket_directory": standby.socket_directory, "token": "x"}
    if "our" in case:
        primary.sql("CREATE SCHEMA hotstandby")
        primary.sql("GRANT USAGE, CREATE ON SCHEMA hotstandby TO mallory")
    if "our table" in case:
        primary.sql(f"{TABLE}; GRANT TRIGGER ON hotstandby.probe TO mallory")
    before = gained(primary)
    as_mallory(primary, *statements)
    wait_until_replayed(standby, primary)
    result = run_module("replication_probe", write)
    assert (result["failed"], result.get("error_name")) == (True, "foreign_object"), result
    assert why in result["msg"]
    assert "DROP SCHEMA hotstandby CASCADE" in result["msg"]
    result = run_module("replication_probe", {**read, "lsn": "0/1", "timeout": 60})
    assert (result["failed"], result.get("error_name")) == (True, "foreign_object"), result
    assert gained(primary) == before
    assert CAUGHT not in primary.log_text() + standby.log_text()
    primary.sql("DROP SCHEMA hotstandby CASCADE")
    written = run_module("replication_probe", write)
    assert not written["failed"], written
    told = {"token": written["token"], "lsn": written["lsn"], "timeout": 60}
    result = run_module("replication_probe", {**read, **told})
    assert not result["failed"], result
