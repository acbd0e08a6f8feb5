# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module replication_slots: the owned ones are as declared, all others are untouched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import psycopg2.extras
import pytest

from support.servers import Server, ServerFactory
from support.waiting import wait_for

RunModule = Callable[..., dict[str, Any]]

PREFIX = "hotstandby_"
A, B, C = (f"{PREFIX}{letter}" for letter in "abc")


def parameters(server: Server, *slots: str, **more: Any) -> dict[str, Any]:
    return {
        "slots": list(slots),
        "prefix": PREFIX,
        "port": server.port,
        "socket_directory": server.socket_directory,
        **more,
    }


def slots_of(server: Server) -> list[str]:
    return [row[0] for row in server.sql("SELECT slot_name::text FROM pg_replication_slots ORDER BY 1")]


@contextmanager
def streaming(server: Server, slot: str) -> Iterator[None]:
    """A client that holds the slot."""
    with server.account_entry.effective():
        connection = psycopg2.connect(
            host=str(server.socket_directory),
            port=server.port,
            user=server.account,
            connection_factory=psycopg2.extras.PhysicalReplicationConnection,
        )
    try:
        position = server.sql("SELECT pg_current_wal_flush_lsn()::text")[0][0]
        connection.cursor().start_replication(
            slot_name=slot, slot_type=psycopg2.extras.REPLICATION_PHYSICAL, start_lsn=position
        )
        active = "SELECT active FROM pg_replication_slots WHERE slot_name = %s"
        wait_for(lambda: server.sql(active, (slot,)) == [(True,)], f"{slot} to be in use")
        yield
    finally:
        connection.close()


@pytest.fixture
def primary(servers: ServerFactory) -> Server:
    return servers.primary(settings={"wal_level": "logical"})


def test_created_once_with_wal_reserved(primary: Server, run_module: RunModule) -> None:
    forecast = run_module("replication_slots", parameters(primary, A, B), check_mode=True, diff=True)
    assert (forecast["changed"], forecast["created"]) == (True, [A, B])
    assert forecast["diff"] == {"before": {"slots": []}, "after": {"slots": [A, B]}}
    assert slots_of(primary) == []
    result = run_module("replication_slots", parameters(primary, B, A, B))
    assert not result["failed"], result
    assert (result["changed"], sorted(result["created"])) == (True, [A, B])
    reserved = "SELECT bool_and(restart_lsn IS NOT NULL AND slot_type = 'physical') FROM pg_replication_slots"
    assert primary.sql(reserved) == [(True,)]
    again = run_module("replication_slots", parameters(primary, A, B))
    assert (again["changed"], again["created"]) == (False, [])


def test_only_owned_slots_are_dropped(primary: Server, run_module: RunModule) -> None:
    create = "SELECT pg_create_physical_replication_slot(%s)"
    for name in (A, C, "somebody_elses", "hotstandby"):
        primary.sql(create, (name,))
    primary.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (f"{PREFIX}logical",))
    others = ["hotstandby", f"{PREFIX}logical", "somebody_elses"]
    result = run_module("replication_slots", parameters(primary, B), check_mode=True)
    assert (result["dropped"], result["created"]) == ([A, C], [B])
    assert slots_of(primary) == sorted([A, C, *others])
    result = run_module("replication_slots", parameters(primary, B))
    assert (result["dropped"], result["created"]) == ([A, C], [B])
    assert slots_of(primary) == sorted([B, *others])
    result = run_module("replication_slots", parameters(primary))
    assert (result["dropped"], slots_of(primary)) == ([B], others)
    assert not run_module("replication_slots", parameters(primary))["changed"]


def test_a_temporary_slot_is_nobodys(primary: Server, run_module: RunModule) -> None:
    connection = primary.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_create_physical_replication_slot(%s, false, true)", (A,))
        assert not run_module("replication_slots", parameters(primary))["changed"]
        assert slots_of(primary) == [A]
    finally:
        connection.close()


def test_one_in_use_is_kept_with_a_warning(primary: Server, run_module: RunModule) -> None:
    run_module("replication_slots", parameters(primary, A))
    with streaming(primary, A):
        result = run_module("replication_slots", parameters(primary))
        assert (result["failed"], result["changed"], result["kept_active"]) == (False, False, [A])
        assert f"the slot {A} is not wanted, but in use: kept" in str(result["warnings"])
        assert slots_of(primary) == [A]


def test_a_lost_slot_is_made_anew(servers: ServerFactory, run_module: RunModule) -> None:
    primary = servers.primary(
        settings={"max_slot_wal_keep_size": "1MB", "wal_keep_size": 0, "max_wal_size": "32MB", "min_wal_size": "32MB"}
    )
    run_module("replication_slots", parameters(primary, A))
    fill = "CREATE TABLE t (); DROP TABLE t; SELECT pg_switch_wal();"
    primary.sql(4 * fill + "CHECKPOINT")
    status = "SELECT wal_status FROM pg_replication_slots"
    assert primary.sql(status) == [("lost",)]
    forecast = run_module("replication_slots", parameters(primary, A), check_mode=True)
    assert (forecast["changed"], forecast["recreated"]) == (True, [A])
    assert primary.sql(status) == [("lost",)]
    result = run_module("replication_slots", parameters(primary, A))
    assert (result["changed"], result["recreated"], result["created"]) == (True, [A], [])
    assert primary.sql(status) == [("reserved",)]
    assert not run_module("replication_slots", parameters(primary, A))["changed"]


def test_a_slot_that_keeps_nothing_is_made_anew(primary: Server, run_module: RunModule) -> None:
    primary.sql("SELECT pg_create_physical_replication_slot(%s)", (A,))
    assert run_module("replication_slots", parameters(primary, A))["recreated"] == [A]
    assert primary.sql("SELECT restart_lsn IS NOT NULL FROM pg_replication_slots") == [(True,)]


def test_on_a_standby(servers: ServerFactory, run_module: RunModule) -> None:
    standby = servers.standby("s", servers.primary())
    assert run_module("replication_slots", parameters(standby, A))["created"] == [A]
    assert slots_of(standby) == [A]
    assert run_module("replication_slots", parameters(standby))["dropped"] == [A]


def test_too_few_slots(servers: ServerFactory, run_module: RunModule) -> None:
    primary = servers.primary(settings={"max_replication_slots": 1})
    forecast = run_module("replication_slots", parameters(primary, A, B), check_mode=True)
    assert "max_replication_slots is 1 as the server runs now, and 2 are needed" in str(forecast["warnings"])
    result = run_module("replication_slots", parameters(primary, A, B))
    assert (result["failed"], result["error_name"]) == (True, "too_few_slots")
    assert "all replication slots are in use" in result["msg"]
    assert "max_replication_slots to 10 or more" in result["msg"]
    # what goes is dropped first, so that there is room for what comes
    assert slots_of(primary) == [A]
    assert not run_module("replication_slots", parameters(primary, B))["failed"]
    assert slots_of(primary) == [B]


def test_wal_level_minimal(servers: ServerFactory, run_module: RunModule) -> None:
    primary = servers.primary(settings={"wal_level": "minimal", "max_wal_senders": 0})
    result = run_module("replication_slots", parameters(primary, A))
    assert (result["error_name"], "Set wal_level to replica" in result["msg"]) == ("too_few_slots", True)


@pytest.mark.parametrize(
    ("slots", "prefix", "name"),
    [
        (["Hotstandby_a"], PREFIX, "bad_slot_name"),
        (["hotstandby_" + "x" * 53], PREFIX, "bad_slot_name"),
        (["other_a"], PREFIX, "bad_slot_name"),
        ([], "", "bad_slot_name"),
        ([f"{PREFIX}logical"], PREFIX, "slot_is_logical"),
    ],
)
def test_what_is_refused(
    primary: Server, run_module: RunModule, slots: list[str], prefix: str, name: str
) -> None:
    primary.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", (f"{PREFIX}logical",))
    result = run_module("replication_slots", parameters(primary, *slots, prefix=prefix))
    assert (result["failed"], result["error_name"]) == (True, name)
    assert slots_of(primary) == [f"{PREFIX}logical"]


def test_without_a_server(servers: ServerFactory, run_module: RunModule) -> None:
    nothing = servers.empty("n")
    result = run_module("replication_slots", parameters(nothing, A))
    assert (result["failed"], result["error_name"]) == (True, "not_running")
    forecast = run_module("replication_slots", parameters(nothing, A), check_mode=True)
    assert (forecast["failed"], forecast["changed"], forecast["created"]) == (False, True, [A])
