# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the boot guard on a host: all of them, readable, and gone without a trace."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.guards import PROGRAM
from support.modules import interpreter
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]
CONFIGURATION = {"peers": [{"name": "db-2", "conninfo": "host=192.0.2.2"}], "connect_timeout": 3}
DROP_IN_TEXT = "[Service]\nExecStartPre=/usr/bin/true\n"


@pytest.fixture
def place(servers: ServerFactory) -> Server:
    """A server that is not there: its directory belongs to the account."""
    return servers.empty("s1")


def parameters(place: Server, **more: Any) -> dict[str, Any]:
    return {
        "directory": place.directory / "lib" / "15-main",
        "program": PROGRAM.read_text(encoding="utf-8"),
        "configuration": CONFIGURATION,
        "drop_in": place.directory / "unit.d" / "guard.conf",
        "drop_in_text": DROP_IN_TEXT,
        "interpreter": interpreter(),
        **more,
    }


def content(place: Server) -> dict[str, str]:
    files = (path for path in place.directory.rglob("*") if path.is_file())
    return {str(path.relative_to(place.directory)): path.read_text(encoding="utf-8") for path in files}


def test_written_once_and_readable_under_any_umask(place: Server, run_module: RunModule) -> None:
    forecast = run_module("boot_guard", parameters(place), check_mode=True, diff=True)
    assert (forecast["changed"], forecast["units_changed"], content(place)) == (True, True, {})
    assert [part["after_header"].rpartition("/")[2] for part in forecast["diff"]] == [
        "boot_guard.json",
        "boot_guard.py",
        "guard.conf",
    ]
    assert run_module("boot_guard", parameters(place), umask=0o077)["changed"]
    there = content(place)
    assert json.loads(there.pop("lib/15-main/boot_guard.json")) == CONFIGURATION
    assert there == {
        "lib/15-main/boot_guard.py": PROGRAM.read_text(encoding="utf-8"),
        "unit.d/guard.conf": DROP_IN_TEXT,
    }
    for path in (place.directory / "lib", place.directory / "lib" / "15-main", place.directory / "unit.d"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
    program: Path = place.directory / "lib" / "15-main" / "boot_guard.py"
    assert stat.S_IMODE(program.stat().st_mode) == 0o644
    assert stat.S_IMODE(program.with_suffix(".json").stat().st_mode) == 0o600
    inode = program.stat().st_ino
    again = run_module("boot_guard", parameters(place))
    assert (again["changed"], again["units_changed"], program.stat().st_ino) == (False, False, inode)


def test_only_what_differs_is_written(place: Server, run_module: RunModule) -> None:
    run_module("boot_guard", parameters(place))
    other = run_module("boot_guard", parameters(place, configuration={"peers": []}), diff=True)
    assert (other["changed"], other["units_changed"]) == (True, False)
    assert [part["after_header"].rpartition("/")[2] for part in other["diff"]] == ["boot_guard.json"]
    (place.directory / "lib" / "15-main" / "boot_guard.py").chmod(0o600)
    assert run_module("boot_guard", parameters(place, configuration={"peers": []}))["changed"]
    (place.directory / "lib" / "15-main" / "boot_guard.json").chmod(0o644)  # as an older release has left it
    assert run_module("boot_guard", parameters(place, configuration={"peers": []}))["changed"]
    assert stat.S_IMODE((place.directory / "lib" / "15-main" / "boot_guard.json").stat().st_mode) == 0o600
    moved = run_module("boot_guard", parameters(place, configuration={"peers": []}, drop_in_text="[Service]\n"))
    assert (moved["changed"], moved["units_changed"]) == (True, True)


def test_removed_with_its_directories_but_not_with_those_of_others(place: Server, run_module: RunModule) -> None:
    assert not run_module("boot_guard", parameters(place, state="absent"))["changed"]
    run_module("boot_guard", parameters(place))
    foreign = place.directory / "unit.d" / "other.conf"
    foreign.write_text("[Unit]\n", encoding="utf-8")
    forecast = run_module("boot_guard", parameters(place, state="absent"), check_mode=True)
    assert (forecast["changed"], forecast["units_changed"], len(content(place))) == (True, True, 4)
    assert run_module("boot_guard", parameters(place, state="absent"))["changed"]
    assert content(place) == {"unit.d/other.conf": "[Unit]\n"}
    assert not (place.directory / "lib" / "15-main").exists()


def test_the_owner_of_the_configuration(place: Server, run_module: RunModule) -> None:
    assert run_module("boot_guard", parameters(place, owner=place.account_entry.name))["changed"]
    assert not run_module("boot_guard", parameters(place))["changed"]
    nobody = run_module("boot_guard", parameters(place, owner="nobody_of_that_name"))
    assert nobody["error_name"] == "no_account", nobody
    assert run_module("boot_guard", parameters(place, owner="root"), check_mode=True)["changed"]


def test_a_server_without_systemd_has_no_drop_in(place: Server, run_module: RunModule) -> None:
    without = {name: value for name, value in parameters(place).items() if not name.startswith("drop_in")}
    result = run_module("boot_guard", without)
    assert (result["changed"], result["units_changed"]) == (True, False)
    assert sorted(content(place)) == ["lib/15-main/boot_guard.json", "lib/15-main/boot_guard.py"]


def test_a_place_where_nothing_can_be_written_is_named(place: Server, run_module: RunModule) -> None:
    (place.directory / "lib").write_text("", encoding="utf-8")
    result = run_module("boot_guard", parameters(place))
    assert result["error_name"] == "file_system"
    assert str(place.directory / "lib") in result["msg"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("trouble", ["SyntaxError: future feature annotations is not defined", ""])
def test_nothing_is_written_that_the_interpreter_does_not_run(
    place: Server, run_module: RunModule, trouble: str, check_mode: bool
) -> None:
    """A Python that is too old: the server would not start any more."""
    place.directory.chmod(0o755)
    python = place.directory / "python3"
    python.write_text(
        f"#!/bin/sh\ntest \"$1\" = --version && echo Python 3.6.8 && exit\necho '{trouble}' >&2\nexit 1\n",
        encoding="utf-8",
    )
    python.chmod(0o755)
    result = run_module("boot_guard", parameters(place, interpreter=python), check_mode=check_mode)
    assert result["error_name"] == "guard_interpreter", result
    assert f"does not run with {python} (Python 3.6.8)" in result["msg"]
    assert trouble in result["msg"]
    assert "postgres_boot_guard_python" in result["msg"]
    assert set(content(place)) == {"python3"}
    missing = run_module("boot_guard", parameters(place, interpreter="/nonexistent/python3"))
    assert (missing["error_name"], set(content(place))) == ("guard_interpreter", {"python3"})
    absent = run_module("boot_guard", parameters(place, interpreter=python, state="absent"))
    assert not absent["failed"], absent
