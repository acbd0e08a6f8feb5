# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of settings that wait, and what of them is shown."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.report import tell_reason, without_passwords
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.setting_effect import Effect


@pytest.mark.parametrize(
    ("changes", "waiting", "running", "reloaded", "check_mode", "reason"),
    [
        ({}, Effect(), True, False, False, "/f says what is wanted"),
        ({}, Effect(), False, False, False, "/f says what is wanted"),
        ({"a": (None, "1")}, Effect(), True, True, False, "a changed in /f; the server was reloaded"),
        (
            {"a": (None, "1")},
            Effect(("a",)),
            True,
            True,
            True,
            "a would be changed in /f; the server would be reloaded",
        ),
        (
            {"a": (None, "1"), "b": ("1", "2")},
            Effect(("a",), ("b",)),
            True,
            False,
            False,
            "a, b changed in /f; for a the server has to be reloaded; for b the server has to be restarted",
        ),
        (
            {"a": (None, "1")},
            Effect(),
            False,
            False,
            False,
            "a changed in /f; the server does not run and will read it at its start",
        ),
        ({}, Effect((), ("b",)), True, False, False, "/f says what is wanted; for b the server has to be restarted"),
    ],
)
def test_reason(
    changes: dict[str, tuple[str | None, str | None]],
    waiting: Effect,
    running: bool,
    reloaded: bool,
    check_mode: bool,
    reason: str,
) -> None:
    told = tell_reason("/f", changes, waiting, running=running, reloaded=reloaded, check_mode=check_mode)
    assert told == reason


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("primary_conninfo = 'host=a password=Geheim'", "primary_conninfo = 'host=a password=********'"),
        ("#primary_conninfo 'password=Geheim'  # x", "#primary_conninfo 'password=********'  # x"),
        ("## \tPrimary_Conninfo = 'password=''Geheim'", "## \tPrimary_Conninfo = '********'"),
        ("primary_conninfo = 'host=a'", "primary_conninfo = 'host=a'"),
        ("#primary_conninfo = ''\t\t# connection string", "#primary_conninfo = ''\t\t# connection string"),
        ("password_encryption = scram-sha-256", "password_encryption = scram-sha-256"),
    ],
)
def test_no_password_is_shown(line: str, shown: str) -> None:
    assert without_passwords(f"a = 1\n{line}\nb = 2\n") == f"a = 1\n{shown}\nb = 2\n"
