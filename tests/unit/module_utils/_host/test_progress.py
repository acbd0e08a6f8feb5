# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that tells how far a program is."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host import progress
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import (
    READ,
    WRITTEN,
    ProgressFile,
    counted,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import Progress
from support.waiting import wait_for

MEBIBYTE = 1024 * 1024
COPIER = (
    f"import sys; data = open('/dev/zero', 'rb').read({MEBIBYTE}); open(sys.argv[1], 'wb', 0).write(data);"
    "print(flush=True); sys.stdin.read()"
)


@pytest.fixture
def copier(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has read and written a megabyte, and waits."""
    command = [sys.executable, "-c", COPIER, str(tmp_path / "copy")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 0.05)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.05)


def test_the_kernel_counts(copier: subprocess.Popen[bytes]) -> None:
    for counter in (READ, WRITTEN):
        assert MEBIBYTE <= counted(copier.pid, counter) < 2 * MEBIBYTE


def test_the_file_is_there_while_the_program_runs(copier: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with ProgressFile(str(path)).watching("clone", WRITTEN, 4 * MEBIBYTE) as watch:
        assert not path.exists()
        watch(copier.pid)
        wait_for(path.exists, "the file")
        found = seen(path, 0)
        assert (found.kind, found.total_bytes, found.done_bytes // MEBIBYTE) == ("clone", 4 * MEBIBYTE, 1)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert seen(path, found.seconds).seconds > found.seconds
    assert not path.exists()


def seen(path: Path, after: float) -> Progress:
    """What it tells once it is of a later second."""
    found: list[Progress] = []

    def read() -> bool:
        progress = Progress.from_text(path.read_text())
        if progress is not None and progress.seconds > after:
            found.append(progress)
        return bool(found)

    wait_for(read, "a whole text")
    return found[0]


def test_no_link_is_followed_and_what_a_cut_off_run_left_goes(
    copier: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    path, precious = tmp_path / "progress", tmp_path / "precious"
    path.write_text("left\n")
    file = ProgressFile(str(path))
    assert not path.exists()
    precious.write_text("mine\n")
    path.symlink_to(precious)
    with file.watching("clone", WRITTEN, 0) as watch:
        watch(copier.pid)
        wait_for(lambda: path.is_file() and not path.is_symlink(), "the file")
    assert precious.read_text() == "mine\n"


def test_nobody_minds_where_it_cannot_be_written(copier: subprocess.Popen[bytes], tmp_path: Path) -> None:
    for path in (None, "/proc/none/progress", str(tmp_path)):
        with ProgressFile(path).watching("clone", WRITTEN, 0) as watch:
            watch(copier.pid)
    with ProgressFile(str(tmp_path / "progress")).watching("clone", "nonsense", 0) as watch:
        watch(copier.pid)
    assert not (tmp_path / "progress").exists()


def test_a_short_program_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_SECONDS", 60)
    path = tmp_path / "progress"
    with ProgressFile(str(path)).watching("clone", WRITTEN, 0) as watch:
        watch(1)
        assert not path.exists()
    assert not path.exists()
