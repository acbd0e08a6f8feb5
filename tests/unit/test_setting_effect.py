# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What waits for a reload or a restart, as a table, and what is told of it."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.report import (
    tell_reason,
    without_passwords,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.setting_effect import (
    Effect,
    LiveSetting,
    effect,
    fixed_elsewhere,
)

SERVER = {
    setting.name: setting
    for setting in (
        LiveSetting("port", "5432", None, "integer", "postmaster", "configuration file", False),
        LiveSetting("wal_keep_size", "1024", "MB", "integer", "sighup", "configuration file", False),
        LiveSetting("work_mem", "4096", "kB", "integer", "user", "default", False),
        LiveSetting("fsync", "off", None, "bool", "sighup", "command line", False),
        LiveSetting("datestyle", "ISO, MDY", None, "string", "user", "configuration file", False),
        LiveSetting("synchronous_commit", "local", None, "enum", "user", "client", False),
    )
}


@pytest.mark.parametrize(
    ("wanted", "changed", "reload", "restart"),
    [
        ({}, set(), (), ()),
        ({"port": "5432", "wal_keep_size": "1GB", "work_mem": "4MB"}, set(), (), ()),
        ({"port": "5433"}, {"port"}, (), ("port",)),
        ({"port": "5433"}, set(), (), ("port",)),  # written by a run that was cut off
        ({"wal_keep_size": "2GB"}, {"wal_keep_size"}, ("wal_keep_size",), ()),
        ({"wal_keep_size": "2GB"}, set(), ("wal_keep_size",), ()),
        ({"port": "1", "work_mem": "5MB"}, {"port", "work_mem"}, ("work_mem",), ("port",)),
        # written another way, but live already
        ({"wal_keep_size": "1024MB"}, {"wal_keep_size"}, (), ()),
        # null: its default is live unless the value comes from a file
        ({"work_mem": None}, {"work_mem"}, (), ()),
        ({"wal_keep_size": None}, {"wal_keep_size"}, ("wal_keep_size",), ()),
        ({"port": None}, {"port"}, (), ("port",)),
        # the server may show a text in its own way
        ({"datestyle": "iso,mdy"}, set(), (), ()),
        ({"datestyle": "iso,dmy"}, set(), ("datestyle",), ()),
        # this session has its own value, so only the change counts
        ({"synchronous_commit": "on"}, set(), (), ()),
        ({"synchronous_commit": "on"}, {"synchronous_commit"}, ("synchronous_commit",), ()),
        # a setting of an extension that the server has not loaded
        ({"my.own": "1"}, {"my.own"}, ("my.own",), ()),
        ({"my.own": "1"}, set(), (), ()),
    ],
)
def test_effect(
    wanted: dict[str, str | None], changed: set[str], reload: tuple[str, ...], restart: tuple[str, ...]
) -> None:
    assert effect(wanted, frozenset(changed), SERVER) == Effect(reload, restart)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [({"fsync": "on"}, ["fsync"]), ({"fsync": "off"}, []), ({"fsync": None}, ["fsync"]), ({"port": "1"}, [])],
)
def test_what_the_command_line_fixes(wanted: dict[str, str | None], names: list[str]) -> None:
    assert [setting.name for setting in fixed_elsewhere(wanted, SERVER)] == names


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
