# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How systemd's units stand for an instance."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.services import DEBIAN_UNIT
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.systemd import ORDER, SIGNAL, ways_to_stop


@pytest.mark.parametrize(
    ("load", "active", "runs", "mode", "expected"),
    [
        ("loaded", "active", True, "fast", (ORDER,)),
        ("loaded", "active", True, "immediate", (ORDER, SIGNAL)),
        ("loaded", "activating", True, "fast", (ORDER, SIGNAL)),
        ("loaded", "inactive", True, "fast", (SIGNAL,)),  # started by somebody else
        ("loaded", "activating", False, "fast", (ORDER,)),  # it would be started again
        ("loaded", "inactive", False, "fast", ()),
        ("masked", "active", True, "fast", (SIGNAL,)),  # masked while it ran
        ("masked", "inactive", True, "immediate", (SIGNAL,)),
        ("not-found", "inactive", True, "fast", (SIGNAL,)),
        ("masked", "activating", False, "fast", (ORDER,)),
        ("masked", "inactive", False, "fast", ()),
    ],
)
def test_ways_to_stop(load: str, active: str, runs: bool, mode: str, expected: tuple[str, ...]) -> None:
    assert ways_to_stop({"LoadState": load, "ActiveState": active}, mode, runs=runs) == expected


@pytest.mark.parametrize(
    ("unit", "found"),
    [
        ("postgresql@15-main", ("15", "main")),
        ("postgresql@9.6-my_db.service", ("9.6", "my_db")),
        ("postgresql-15", None),
        ("postgresql", None),
    ],
)
def test_debian_units(unit: str, found: tuple[str, str] | None) -> None:
    match = DEBIAN_UNIT.fullmatch(unit)
    assert (match and (match["version"], match["instance"])) == found
