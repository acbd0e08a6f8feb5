# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The raised setting is live everywhere: the standbys before the primary."""

from __future__ import annotations

from typing import Any

Server = dict[str, Any]


def test_the_setting_is_live(servers: dict[str, Server]) -> None:
    assert {server["max_connections"] for server in servers.values()} == {150}


def test_the_roles_are_as_they_were(
    servers: dict[str, Server], before: dict[str, Server], old_primary: str, primary: str
) -> None:
    assert primary == old_primary
    assert servers[primary]["timeline"] == before[primary]["timeline"]


def test_the_standbys_before_the_primary(servers: dict[str, Server], before: dict[str, Server], primary: str) -> None:
    started = {name: server["started"] for name, server in servers.items()}
    standbys = [started[name] for name in started.keys() - {primary}]
    assert min(started.values()) > max(server["started"] for server in before.values())
    assert max(standbys) < started[primary]
