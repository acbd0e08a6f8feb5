# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The passfile: private, exact, and good for a real login."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clones import ADDRESS, PASSWORD, USER, make_source
from support.passfiles import parse_passfile
from support.servers import Server, ServerFactory

RunModule = Callable[..., dict[str, Any]]


@pytest.fixture
def place(servers: ServerFactory) -> Server:
    """A server that is not there: its directory belongs to the account."""
    return servers.empty("s1")


def parameters(place: Server, **more: Any) -> dict[str, Any]:
    entries = [{"host": "db:1", "port": 5432, "user": USER}, {"host": ADDRESS, "database": "replication", "user": "x"}]
    return {"path": place.directory / "pass", "entries": entries, "password": PASSWORD, **more}


def test_written_once_and_private(place: Server, run_module: RunModule) -> None:
    path = place.directory / "pass"
    forecast = run_module("passfile", parameters(place), check_mode=True, diff=True)
    assert forecast["changed"]
    assert not path.exists()
    result = run_module("passfile", parameters(place), diff=True)
    assert result["changed"]
    assert PASSWORD not in str(result)
    assert "p'a" not in str(result)
    assert result["diff"]["after"].startswith(f"db\\:1:5432:*:{USER}:********\n")
    status = path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert status.st_uid == place.account_entry.uid
    entries = parse_passfile(path.read_text(encoding="utf-8"))
    assert [(entry.host, entry.port, entry.database, entry.user) for entry in entries] == [
        ("db:1", "5432", "*", USER),
        (ADDRESS, "*", "replication", "x"),
    ]
    assert {entry.password for entry in entries} == {PASSWORD}
    inode = status.st_ino
    again = run_module("passfile", parameters(place))
    assert (again["changed"], path.stat().st_ino) == (False, inode)
    assert sorted(os.listdir(place.directory)) == ["pass", "socket"]


def test_another_password_or_mode_is_a_change(place: Server, run_module: RunModule) -> None:
    path = place.directory / "pass"
    run_module("passfile", parameters(place))
    other = run_module("passfile", parameters(place, password="other"), diff=True)
    assert other["changed"]
    assert other["diff"]["before"] != other["diff"]["after"]
    assert "other" not in str(other["diff"])
    path.chmod(0o640)
    assert run_module("passfile", parameters(place, password="other"))["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_refusals(place: Server, run_module: RunModule) -> None:
    path = place.directory / "pass"
    assert run_module("passfile", parameters(place, password=""))["error_name"] == "empty_password"
    assert run_module("passfile", parameters(place, password="a\nb"))["error_name"] == "bad_value"
    assert run_module("passfile", parameters(place, path=place.socket_directory))["error_name"] == "not_a_file"
    nowhere = parameters(place, path=place.directory / "no" / "pass")
    assert run_module("passfile", nowhere)["error_name"] == "no_directory"
    assert run_module("passfile", nowhere, check_mode=True)["changed"]
    path.write_text("*:*:*:me:mine\n")
    foreign = run_module("passfile", parameters(place))
    assert foreign["error_name"] == "foreign_passfile"
    assert path.read_text() == "*:*:*:me:mine\n"
    path.unlink()
    place.directory.chmod(0o777)
    assert run_module("passfile", parameters(place))["error_name"] == "unsafe_directory"
    assert not path.exists()
    place.directory.chmod(0o1777)
    assert run_module("passfile", parameters(place))["changed"]


def test_real_login(servers: ServerFactory, run_module: RunModule) -> None:
    source = make_source(servers)
    path: Path = source.directory / "pass"
    entries = [{"host": ADDRESS, "port": source.port, "user": USER}]
    assert run_module("passfile", {"path": path, "entries": entries, "password": PASSWORD})["changed"]
    with source.account_entry.effective():  # libpq reads it as the account
        connection = source.connect(host=ADDRESS, user=USER, passfile=str(path))
    connection.close()
