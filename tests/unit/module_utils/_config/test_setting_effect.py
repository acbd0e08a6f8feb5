# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What waits for a reload or a restart, as a table."""

from __future__ import annotations

import pytest

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
