# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The primary: both standbys stream from it, each through its own slot."""

from __future__ import annotations

from collections.abc import Callable

testinfra_hosts = ["ansible://master"]

Sql = Callable[[str], list[list[str]]]


def test_is_not_in_recovery(sql: Sql) -> None:
    assert sql("SELECT pg_is_in_recovery()") == [["f"]]


def test_every_standby_streams_under_its_inventory_name(
    sql: Sql, standbys: list[str], addresses: dict[str, str]
) -> None:
    rows = sql(
        "SELECT application_name, host(client_addr), state, usename <> 'postgres'"
        " FROM pg_stat_replication ORDER BY 1"
    )
    assert rows == [[standby, addresses[standby], "streaming", "t"] for standby in standbys]


def test_every_standby_has_a_slot_of_its_own_in_use(sql: Sql, standbys: list[str]) -> None:
    rows = sql(
        "SELECT s.slot_name, s.active, s.wal_status, r.application_name"
        " FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid ORDER BY 4"
    )
    assert [row[1:] for row in rows] == [["t", "reserved", standby] for standby in standbys]


def test_the_replication_user_is_no_superuser_and_has_a_scram_verifier(sql: Sql) -> None:
    rows = sql(
        "SELECT DISTINCT rolsuper, rolreplication, rolcanlogin, rolpassword LIKE 'SCRAM-SHA-256$%'"
        " FROM pg_authid JOIN pg_stat_replication ON rolname = usename"
    )
    assert rows == [["f", "t", "t", "t"]]
