# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How what somebody put into a data directory is found."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import odd_files
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import FIFO, SOCKET, OddFile


def test_they_are_found_without_being_opened(tmp_path: Path) -> None:
    aside = "pgsql_tmp.hotstandby-old-20260101T000000"
    for name in ("base/5", "global", "sub", "elsewhere", "pg_replslot/x", aside):
        (tmp_path / "data" / name).mkdir(parents=True)
    data, out = tmp_path / "data", tmp_path / "out"
    out.mkdir()
    (data / "PG_VERSION").write_text("15\n")
    (data / "log").symlink_to(out)
    (data / "dangling").symlink_to("nowhere")
    (data / "sub" / "round").symlink_to(data)
    for name in ("top", "base/here", "base/5/not_looked_at", "pg_replslot/x/nor_here", f"{aside}/nor_here"):
        os.mkfifo(data / name)
    os.mkfifo(out / "outside")
    os.mkfifo(os.fsencode(data / "sub") + b"/\xff\n")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(data / "sub/socket"))
    found = odd_files.look(str(data))
    assert found is not None
    assert found.links == ("dangling", "log")
    assert found.others == ("dangling", "elsewhere", "log", "sub", "top")
    assert set(found.odd) == {
        OddFile("top", FIFO),
        OddFile("base/here", FIFO),
        OddFile("log/outside", FIFO, linked=True),
        OddFile("sub/\\xff?", FIFO),
        OddFile("sub/socket", SOCKET),
    }
    assert found.odd[0] == OddFile("top", FIFO), "the nearest to the top first"


def test_the_look_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odd_files, "ENTRIES", 10)
    for number in range(30):
        (tmp_path / f"d{number}").mkdir()
        os.mkfifo(tmp_path / f"d{number}" / "fifo")
    found = odd_files.look(str(tmp_path))
    assert found is not None
    assert (len(found.others), found.odd) == (10, ())
    assert odd_files.look(str(tmp_path / "absent")) is None
