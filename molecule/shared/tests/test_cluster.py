# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster is whole, seen from both sides, whoever is its primary."""

from __future__ import annotations

from typing import Any

Server = dict[str, Any]


def slot_of(name: str) -> str:
    return f"hotstandby_{name.replace('-', '_')}"


def test_every_server_answers(servers: dict[str, Server], addresses: dict[str, str]) -> None:
    assert servers.keys() == addresses.keys()


def test_all_standbys_stream_from_the_one_primary_through_their_own_slots(
    servers: dict[str, Server], primary: str, addresses: dict[str, str]
) -> None:
    """The primary sees them, and they see the primary, all on one timeline."""
    standbys = sorted(servers.keys() - {primary})
    followers = [[name, addresses[name], "streaming", slot_of(name)] for name in standbys]
    assert servers[primary]["followers"] == followers
    for name in standbys:
        assert servers[name]["follows"] == ["streaming", addresses[primary], slot_of(name)]
        assert servers[name]["timeline"] == servers[primary]["timeline"]


def test_no_slot_is_left_over(servers: dict[str, Server], primary: str) -> None:
    slots = {name: server["slots"] for name, server in servers.items() if name != primary}
    assert slots == {name: [] for name in slots}
    assert servers[primary]["slots"] == sorted(map(slot_of, slots))


def test_the_standbys_alone_have_the_signal_file(servers: dict[str, Server], primary: str) -> None:
    assert {name for name, server in servers.items() if not server["signal"]} == {primary}


def test_nobody_follows_itself(servers: dict[str, Server], addresses: dict[str, str]) -> None:
    assert [name for name in servers if f"host={addresses[name]} " in servers[name]["primary_conninfo"]] == []


def test_nothing_waits_for_a_restart(servers: dict[str, Server]) -> None:
    assert {name: server["pending_restart"] for name, server in servers.items()} == {name: [] for name in servers}
