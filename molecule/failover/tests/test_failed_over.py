# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A standby has taken over, the other one follows it, and the old primary stays down."""

from __future__ import annotations

from typing import Any

from testinfra.host import Host

Server = dict[str, Any]

DATA = "/var/lib/postgresql/15/main"


def test_the_old_primary_alone_is_down(servers: dict[str, Server], before: dict[str, Server], old_primary: str) -> None:
    assert servers.keys() == before.keys() - {old_primary}


def test_the_old_primary_would_only_start_as_a_standby(
    hosts: dict[str, Host], addresses: dict[str, str], old_primary: str, primary: str
) -> None:
    host = hosts[old_primary]
    with host.sudo():
        assert host.process.filter(user="postgres") == []
        assert host.file(f"{DATA}/standby.signal").is_file
        auto_conf = host.file(f"{DATA}/postgresql.auto.conf").content_string
    [told] = [line for line in auto_conf.splitlines() if line.startswith("primary_conninfo")]
    assert f"host={addresses[primary]} " in told


def test_the_new_primary_is_on_the_next_timeline(
    servers: dict[str, Server], before: dict[str, Server], old_primary: str, primary: str
) -> None:
    assert servers[primary]["timeline"] == before[old_primary]["timeline"] + 1


def test_the_other_standby_follows_the_new_primary(
    servers: dict[str, Server], addresses: dict[str, str], primary: str
) -> None:
    [other] = servers.keys() - {primary}
    slot = f"hotstandby_{other.replace('-', '_')}"
    assert servers[other]["follows"] == ["streaming", addresses[primary], slot]
    assert servers[other]["timeline"] == servers[primary]["timeline"]
    assert servers[primary]["followers"] == [[other, addresses[other], "streaming", slot]]


def test_no_standby_was_restarted(servers: dict[str, Server], before: dict[str, Server]) -> None:
    assert {name: server["started"] for name, server in servers.items()} == {
        name: before[name]["started"] for name in servers
    }
