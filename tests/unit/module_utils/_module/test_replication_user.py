# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to the replication role."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.replication_user import (
    Wanted,
    role_changes,
    role_statement,
)

WANTED = Wanted("u", None, rewind=True)
ROLE = {"login": True, "replication": True, "connection_limit": -1, "expired": False}


@pytest.mark.parametrize(
    ("wanted", "found", "matches", "changes"),
    [
        (WANTED, ROLE, True, []),
        (WANTED, {}, False, ["LOGIN", "REPLICATION", "password"]),
        (WANTED, ROLE, False, ["password"]),
        (WANTED, {**ROLE, "login": False}, True, ["LOGIN"]),
        (WANTED, {**ROLE, "replication": False}, True, ["REPLICATION"]),
        (WANTED, {**ROLE, "expired": True}, True, ["no longer expired"]),
        (replace(WANTED, connection_limit=-1), ROLE, True, []),
        (replace(WANTED, connection_limit=5), ROLE, True, ["connection limit 5"]),
        (replace(WANTED, connection_limit=-1), {}, False, ["LOGIN", "REPLICATION", "connection limit -1", "password"]),
    ],
)
def test_role_changes(wanted: Wanted, found: dict[str, Any], matches: bool, changes: list[str]) -> None:
    assert [change.what for change in role_changes(wanted, found, matches)] == changes


def test_role_statement() -> None:
    changes = list(role_changes(WANTED, {}, password_matches=False))
    expected = 'CREATE ROLE "a""%%b" WITH LOGIN REPLICATION PASSWORD %(verifier)s'
    assert role_statement('a"%b', False, changes) == expected
    assert role_statement("a", True, changes[:1]) == 'ALTER ROLE "a" WITH LOGIN'
