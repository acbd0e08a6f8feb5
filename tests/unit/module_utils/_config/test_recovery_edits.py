# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files of the recovery settings change, as tables; the rest of a file survives."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import Occurrence
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import (
    RecoveryFiles,
    plan_edits,
    settings_file,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    OPTIONAL,
    STOPPING,
    wanted_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import SUPPORTED, Dialect


def wanted(version: str = "15", slot: str | None = "s", restore: str | None = None) -> dict[str, str | None]:
    return wanted_settings(Dialect.for_version(version), "host=p", slot, restore, {})


def found(
    settings: str | None = "", main: str | None = "", present: tuple[str, ...] = ("standby.signal",)
) -> RecoveryFiles:
    return RecoveryFiles(settings, main, frozenset(present))


GOOD = "primary_conninfo = 'host=p'\nprimary_slot_name = s\nrecovery_target_timeline = latest\n"


@pytest.mark.parametrize(
    ("version", "name", "create", "remove"),
    [
        ("11", "recovery.conf", (), ()),
        ("12", "postgresql.auto.conf", ("standby.signal",), ("recovery.conf", "recovery.signal")),
        ("18", "postgresql.auto.conf", ("standby.signal",), ("recovery.conf", "recovery.signal")),
    ],
)
def test_files_by_version(version: str, name: str, create: tuple[str, ...], remove: tuple[str, ...]) -> None:
    dialect = Dialect.for_version(version)
    assert settings_file(dialect) == name
    edits = plan_edits(dialect, wanted(version), found(present=("recovery.conf", "recovery.signal")))
    assert (edits.create, edits.remove) == (create, remove)
    settings = ConfFile.parse(edits.settings or "")
    assert settings.get("standby_mode") == ("on" if version == "11" else None)
    assert settings.get("recovery_target_timeline") == "latest"


@pytest.mark.parametrize("version", SUPPORTED)
def test_second_run_changes_nothing(version: str) -> None:
    dialect = Dialect.for_version(version)
    first = plan_edits(dialect, wanted(version), found(None, None, ()))
    assert first
    second = plan_edits(dialect, wanted(version), found(first.settings, None, first.create))
    assert not second
    assert second.names == ()


@pytest.mark.parametrize(
    ("before", "names"),
    [
        (GOOD, ()),
        (GOOD + "work_mem = '1MB'\n", ()),
        (GOOD + "recovery_target_xid = 7\n", ("recovery_target_xid",)),
        (GOOD + "restore_command = 'x'\n", ("restore_command",)),
        (GOOD.replace("host=p", "host=q"), ("primary_conninfo",)),
        (GOOD + "primary_slot_name = s\n", ("primary_slot_name",)),
        (GOOD + "Promote_Trigger_File = '/x'\n", ("promote_trigger_file",)),
    ],
)
def test_changes_of_auto_conf(before: str, names: tuple[str, ...]) -> None:
    edits = plan_edits(Dialect.for_version("15"), wanted(), found(before))
    assert edits.names == names
    assert bool(edits) == bool(names)
    after = before if edits.settings is None else edits.settings
    settings = [setting.name for setting in ConfFile.parse(after).settings()]
    assert sorted(set(settings) - {"work_mem"}) == ["primary_conninfo", "primary_slot_name", "recovery_target_timeline"]
    assert len(settings) == len(set(settings))


@pytest.mark.parametrize("name", STOPPING)
def test_no_file_keeps_what_would_stop_recovery(name: str) -> None:
    line = f"{name} = 'x'\n"
    edits = plan_edits(Dialect.for_version("15"), wanted(), found(GOOD + line, f"port = 1\n{line}"))
    assert edits.settings == GOOD
    assert edits.main == f"port = 1\n#{line}"
    assert edits.names == (name,)


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_is_not_wanted_may_stand_in_postgresql_conf(name: str) -> None:
    line = f"{name} = 'x'\n"
    assert not plan_edits(Dialect.for_version("15"), wanted(), found(GOOD, line))
    settings = {**wanted(), name: "y"}
    edits = plan_edits(Dialect.for_version("15"), settings, found(GOOD, line))
    assert edits.main == f"#{line}"


def test_an_included_line_is_named() -> None:
    lines = (Occurrence("work_mem", "1", "/c/a.conf", 1), Occurrence("primary_conninfo", "x", "/c/b.conf", 7))
    with pytest.raises(HotStandbyError, match=r"/c/b\.conf line 7 sets primary_conninfo") as caught:
        plan_edits(Dialect.for_version("15"), wanted(), RecoveryFiles(GOOD, "", frozenset(), lines))
    assert caught.value.name == "set_elsewhere"
