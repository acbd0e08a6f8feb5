# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments of pg_basebackup."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.copy import Copy
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.source import Source
from ansible_collections.hotstandby.postgresql.plugins.module_utils._clone.target import CloneTarget, Tablespace
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config import conninfo
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint


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
    source = Source(Endpoint("h o", 5432, "postgres", "u", "/secret/passfile"), "7", 1, ("/a=b",))
    commands = Commands(lambda *dummy: (0, "", ""), "/bin")
    dialect, untold = Dialect.for_version(version), ProgressFile(None)
    return Copy(commands, dialect, target, source, "it's", slot, max_rate, 0, untold, 0)


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
