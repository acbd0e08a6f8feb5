# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The primary has moved, and nobody was restarted but the old one."""

from __future__ import annotations

from typing import Any

Server = dict[str, Any]


def test_the_roles_have_moved(
    servers: dict[str, Server], before: dict[str, Server], old_primary: str, primary: str
) -> None:
    assert primary == min(before.keys() - {old_primary})
    assert servers[primary]["timeline"] == before[old_primary]["timeline"] + 1


def test_the_old_primary_alone_was_restarted(
    servers: dict[str, Server], before: dict[str, Server], old_primary: str
) -> None:
    restarted = {name for name, server in servers.items() if server["started"] != before[name]["started"]}
    assert restarted == {old_primary}
