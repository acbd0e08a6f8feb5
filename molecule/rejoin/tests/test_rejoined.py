# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The second primary is the only one; what the old one wrote alone is gone."""

from __future__ import annotations

from typing import Any

Server = dict[str, Any]


def test_the_server_that_was_promoted_is_the_primary(
    servers: dict[str, Server], before: dict[str, Server], old_primary: str, primary: str
) -> None:
    assert primary == min(before.keys() - {old_primary})
    assert servers[primary]["timeline"] == before[old_primary]["timeline"] + 1


def test_it_was_not_restarted(servers: dict[str, Server], before: dict[str, Server], primary: str) -> None:
    assert servers[primary]["started"] == before[primary]["started"]


def test_what_the_old_primary_wrote_alone_is_gone(servers: dict[str, Server]) -> None:
    assert {name: server["alone"] for name, server in servers.items()} == dict.fromkeys(servers, False)
