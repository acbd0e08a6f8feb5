# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recovery settings: which files change, as tables; the rest of a file survives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.copy import Copy
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.source import Source, is_local
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.target import CloneTarget, Tablespace
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config import conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import Occurrence
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import (
    Found,
    plan_edits,
    rewritten,
    settings_file,
    shown,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    OPTIONAL,
    STOPPING,
    primary_conninfo,
    wanted_settings,
    without_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.passfile import shown as passfile_shown
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import SUPPORTED, Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Target

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)


def wanted(version: str = "15", slot: str | None = "s", restore: str | None = None) -> dict[str, str | None]:
    return wanted_settings(Dialect.for_version(version), "host=p", slot, restore, {})


def found(settings: str | None = "", main: str | None = "", present: tuple[str, ...] = ("standby.signal",)) -> Found:
    return Found(settings, main, frozenset(present))


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
        plan_edits(Dialect.for_version("15"), wanted(), Found(GOOD, "", frozenset(), lines))
    assert caught.value.name == "set_elsewhere"


def test_passwords_are_not_shown() -> None:
    text = "primary_conninfo = 'host=p password=secret'\nprimary_slot_name = s\nssl_key = 'private'\n"
    assert shown(text, ("primary_conninfo", "primary_slot_name")) == (
        "primary_conninfo = host=p password=********\nprimary_slot_name = s\n"
    )
    assert passfile_shown("# x\na\\:b:1:*:u\\\\:se:cret\\:\nodd\n") == "a\\:b:1:*:u\\\\:********\nodd:********\n"


@given(TEXT, TEXT, TEXT)
def test_conninfo_survives_the_file(host: str, user: str, name: str) -> None:
    """Whatever the names hold: conninfo quoting within the quoting of the file."""
    dialect = Dialect.for_version("15")
    text = primary_conninfo(host, 5432, user, "/p", name, dialect)
    text = rewritten("", wanted_settings(dialect, text, "s", None, {}))
    parsed = conninfo.parse(ConfFile.parse(text).get("primary_conninfo") or "")
    assert (parsed["host"], parsed["user"], parsed["application_name"]) == (host, user, name)
    assert not {"password", "dbname", "replication"} & parsed.keys()


def test_passfile_only_where_libpq_takes_it() -> None:
    old, new = (primary_conninfo("h", 1, "u", "/p", "n", Dialect.for_version(version)) for version in ("9.6", "10"))
    assert ("passfile" in old, "passfile" in new) == (False, True)


@given(st.lists(st.sampled_from(["a = 1", "B = 'x'", "# a = 2", "", "include 'a'", "?? broken", "c=3 # a"])))
def test_other_lines_survive(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert without_settings(text, ()) == text
    kept = [line for line in lines if not line.startswith(("a =", "B ="))]
    assert without_settings(text, ("A", "b")) == "\n".join(kept)


def copy(version: str, slot: str | None = "s", max_rate: str | None = None) -> Copy:
    target = CloneTarget(
        data=Place("/d"),
        content="absent",
        old_major="15",
        old_links=(),
        wal=Place("/w"),
        wal_text="/w",
        tablespaces=(Tablespace("/a=b", "/c=d", Place("/c=d", inside=True, tag="-0")),),
    )
    source = Source(Target("h o", 5432, "postgres", "u", "/secret/passfile"), "7", ("/a=b",))
    commands = Commands(lambda *dummy: (0, "", ""), "/bin")
    return Copy(commands, Dialect.for_version(version), target, source, "it's", slot, max_rate, 0)


def test_arguments() -> None:
    arguments = copy("15", max_rate="32M").arguments()
    parsed = conninfo.parse(arguments[arguments.index("-d") + 1])
    assert (parsed["host"], parsed["application_name"]) == ("h o", "it's")
    assert "passfile" not in parsed
    assert arguments[:2] == ["-D", "/d.hotstandby-clone"]
    assert arguments[arguments.index("-S") + 1] == "s"
    assert "--waldir=/w.hotstandby-clone" in arguments
    assert "-T/a\\=b=/c\\=d/pgsql_tmp.hotstandby-clone-0" in arguments
    assert "--max-rate=32M" in arguments
    assert "--no-password" in arguments


@pytest.mark.parametrize(
    ("version", "slot", "option", "waldir"),
    [
        ("9.5", "s", False, "--xlogdir"),
        ("9.6", "s", True, "--xlogdir"),
        ("10", "s", True, "--waldir"),
        ("18", None, False, "--waldir"),
    ],
)
def test_arguments_by_version(version: str, slot: str | None, option: bool, waldir: str) -> None:
    arguments = copy(version, slot).arguments()
    assert ("-S" in arguments) == option
    assert any(argument.startswith(f"{waldir}=") for argument in arguments)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", True),
        ("/var/run/postgresql", True),
        ("192.0.2.1", False),
        ("name.invalid", False),
        ("", False),
    ],
)
def test_is_local(host: str, local: bool) -> None:
    if host == "::1" and not Path("/proc/net/if_inet6").read_text():
        pytest.skip("this machine has no IPv6")
    assert is_local(host) == local
