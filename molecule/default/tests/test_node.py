# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every host of the cluster, whatever its role."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://all"]

Sql = Callable[[str], list[list[str]]]

UNIT = "postgresql@15-main.service"


@pytest.mark.parametrize("package", ["postgresql-15", "python3-psycopg2"])
def test_package_is_installed(host: Host, package: str) -> None:
    assert host.package(package).is_installed


def test_service_runs_and_starts_at_boot(host: Host) -> None:
    assert host.service(UNIT).is_running
    assert host.service("postgresql.service").is_enabled or host.service(UNIT).is_enabled


def test_server_listens_on_the_network(host: Host, name: str, addresses: dict[str, str]) -> None:
    printed = host.check_output("ss --no-header --listening --numeric --tcp 'sport = :5432'")
    listening = {line.split()[3] for line in printed.splitlines()}
    assert listening & {"0.0.0.0:5432", "*:5432", f"{addresses[name]}:5432"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data_checksums", "on"),
        ("hot_standby", "on"),
        ("password_encryption", "scram-sha-256"),
        ("wal_level", "replica"),
        ("wal_log_hints", "on"),
    ],
)
def test_setting_is_live(sql: Sql, setting: str, value: str) -> None:
    assert sql(f"SHOW {setting}") == [[value]]


def test_wal_is_kept_for_a_rewind_but_not_without_bound(sql: Sql) -> None:
    assert sql("SHOW wal_keep_size") != [["0"]]
    assert sql("SHOW max_slot_wal_keep_size") != [["-1"]]


def test_there_are_walsenders_and_slots_for_every_other_host(sql: Sql, addresses: dict[str, str]) -> None:
    """Each standby needs one of each, and a base backup two more walsenders."""
    [[senders]], [[slots]] = sql("SHOW max_wal_senders"), sql("SHOW max_replication_slots")
    assert int(senders) >= len(addresses) - 1 + 2
    assert int(slots) >= len(addresses) - 1


def test_no_setting_waits_for_a_restart(sql: Sql) -> None:
    assert sql("SELECT name FROM pg_settings WHERE pending_restart") == []


def test_every_other_host_may_replicate_from_its_own_address(
    sql: Sql, name: str, addresses: dict[str, str]
) -> None:
    """Any host can become primary: the rules are for all directions, on every host."""
    rows = sql(
        "SELECT address, netmask, auth_method FROM pg_hba_file_rules"
        " WHERE 'replication' = ANY (database) AND type LIKE 'host%'"
    )
    for other, address in addresses.items():
        if other != name:
            assert [address, "255.255.255.255", "scram-sha-256"] in rows


def test_no_access_rule_trusts_or_is_broken(sql: Sql) -> None:
    assert sql("SELECT * FROM pg_hba_file_rules WHERE auth_method = 'trust' OR error IS NOT NULL") == []
