# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody put into a data directory: how it is found, and what it rules out."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import odd_files
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.data_files import (
    DEVICE,
    FIFO,
    SOCKET,
    UNREADABLE_DIRECTORY,
    UNREADABLE_FILE,
    DataFiles,
    OddFile,
    clone_obstacle,
    rewind_obstacle,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.converge import plan_rejoin
from support.clusters import cluster, primary, stopped

NOTHING = DataFiles()


def odd(path: str, kind: str, *, linked: bool = False) -> DataFiles:
    return DataFiles(odd=(OddFile(path, kind, linked),))


@pytest.mark.parametrize("kind", [FIFO, SOCKET, DEVICE, UNREADABLE_FILE, UNREADABLE_DIRECTORY])
@pytest.mark.parametrize("linked", [False, True])
def test_what_the_source_has_rules_a_rewind_out(kind: str, linked: bool) -> None:
    told = rewind_obstacle(NOTHING, odd("sub/odd", kind, linked=linked), "db-1")
    assert told
    assert f"the data directory of db-1: sub/odd ({kind})" in told


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (odd("secret", UNREADABLE_FILE), "secret (unreadable file)"),
        (odd("a/secret", UNREADABLE_DIRECTORY), "a/secret (unreadable directory)"),
        (odd("log/secret", UNREADABLE_FILE, linked=True), None),
        (odd("pg_wal/secret", UNREADABLE_FILE), None),
        (odd("sock", SOCKET), None),
        (odd("fifo", FIFO), None),
        (None, None),
        (DataFiles(odd=tuple(OddFile(str(n), UNREADABLE_FILE) for n in range(5))), "and 2 more"),
    ],
)
def test_what_rules_a_clone_out(files: DataFiles | None, expected: str | None) -> None:
    told = clone_obstacle(files)
    assert expected in told if expected and told else told == expected


@pytest.mark.parametrize(
    ("target", "source", "stops"),
    [
        (DataFiles(links=("log",)), NOTHING, False),
        (DataFiles(links=("log",)), DataFiles(others=("log",)), True),
        (DataFiles(links=("log",)), None, False),
        (DataFiles(links=("pg_stat_tmp",)), NOTHING, True),
        (DataFiles(links=("pg_wal",)), NOTHING, False),
        (odd("mine", FIFO), NOTHING, False),
        (odd("mine", UNREADABLE_FILE), NOTHING, False),
        (odd("mine", UNREADABLE_DIRECTORY), NOTHING, True),
        (odd("log/mine", UNREADABLE_DIRECTORY, linked=True), NOTHING, False),
        (odd("global/mine", FIFO), NOTHING, True),
        (None, NOTHING, False),
    ],
)
def test_what_the_node_itself_has_rules_a_rewind_out(
    target: DataFiles | None, source: DataFiles | None, stops: bool
) -> None:
    assert bool(rewind_obstacle(target, source, "db-1")) is stops


def test_the_plan_clones_where_a_rewind_would_hang_and_names_the_file() -> None:
    new = replace(primary("db-2", timeline=2, position="0/8000000"), files=odd("fifo", FIFO))
    step = plan_rejoin(cluster(new, stopped("0/5000008"))).nodes[1].steps[0]
    assert step.kind == "clone"
    assert "fifo (fifo)" in step.reason
    refusal = plan_rejoin(cluster(new, stopped("0/5000008"), allow_clone=False)).refusals[0]
    assert refusal.name == "cannot_rewind"
    assert "fifo (fifo)" in refusal.message


def test_the_plan_refuses_a_clone_that_would_fail_half_way() -> None:
    new = replace(primary("db-2", timeline=2, position="0/8000000"), files=odd("key", UNREADABLE_FILE))
    refusal = plan_rejoin(cluster(new, stopped("0/5000008"))).refusals[0]
    assert (refusal.name, refusal.host) == ("source_unreadable", "db-1")
    assert "key (unreadable file)" in refusal.message
    follows = plan_rejoin(cluster(new, stopped("0/5000000")))
    assert not follows.refusals, "it stands in the way of nothing else"


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
