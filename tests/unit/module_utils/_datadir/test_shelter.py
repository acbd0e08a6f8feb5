# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rewind that was killed has left among everybody's temporary files is found and removed, and nothing else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.asides import sorted_out
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.shelter import (
    find_shelters,
    is_shelter,
    make_shelter,
    remove_shelter,
)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tmp"
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


def test_it_is_private_and_found_by_its_data_directory(shared: Path, tmp_path: Path) -> None:
    one, other = (make_shelter(str(tmp_path / name)) for name in ("one", "other"))
    assert Path(one).parent == shared
    assert os.stat(one).st_mode & 0o777 == 0o700
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to("one")
    assert find_shelters(str(tmp_path / "one")) == find_shelters(str(tmp_path / "link")) == [one]
    Path(one, "pg_hba.conf").write_text("x")
    assert is_shelter(one)
    assert remove_shelter(one)
    assert not remove_shelter(one)
    assert find_shelters(str(tmp_path / "other")) == [other]


def test_files_of_somebody_else_are_kept(shared: Path, tmp_path: Path) -> None:
    """They may be the only ones that there are: the rewind had moved them there."""
    data = str(tmp_path / "data")
    own, more = make_shelter(data), make_shelter(data)
    for name in ("pg_hba.conf", "postgresql.conf"):
        Path(own, name).write_text("x")
    Path(more, "server.key").write_text("x")
    removable, kept = sorted_out(data)
    assert removable == [own]
    assert kept == {more: "server.key is not PostgreSQL's"}


def test_planted_names_are_left_alone(shared: Path, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    stem = make_shelter(data)
    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "file").write_text("mine")
    Path(stem + "-link").symlink_to(treasure)
    Path(stem + "-file").write_text("x")
    os.mkfifo(stem + "-fifo")
    expected = [stem]
    if os.geteuid() == 0:
        Path(stem + "-theirs").mkdir()
        os.chown(stem + "-theirs", 64123, 64123)
    assert find_shelters(data) == expected
    for kind in ("-link", "-file", "-fifo", "-theirs"):
        assert not remove_shelter(stem + kind)
    assert not remove_shelter(str(treasure))
    assert remove_shelter(stem)
    assert (treasure / "file").read_text() == "mine"


def test_without_a_place_for_temporary_files_there_is_none(shared: Path, tmp_path: Path) -> None:
    shared.rmdir()
    assert find_shelters(str(tmp_path)) == []
