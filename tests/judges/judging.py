# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A judge is a tool of the ecosystem that reads the whole tree. How one is run, and what it gets to read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent  # the venv's: the tools stand next to the Python that runs pytest
SETTINGS_OF_OTHERS = ("ANSIBLE_", "MOLECULE_", "MYPY", "RUFF_", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class Judge:
    """Runs tools with nobody's settings but the tree's own, in a home directory of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, *command: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
        """The output of a tool, stdout and stderr together. When the tool fails, the test fails with that."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS_OF_OTHERS)}
        done = subprocess.run(
            command,
            cwd=cwd,
            env={
                **inherited,
                "HOME": str(self.home),
                "PATH": search_path(),
                "NO_COLOR": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
                **(env or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}", pytrace=False)
        return done.stdout


def search_path() -> str:
    """The venv's programs first. No shims of version managers: they answer to names that they cannot run."""
    inherited = os.environ.get("PATH", os.defpath).split(":")
    return ":".join([str(PROGRAMS), *(directory for directory in inherited if not directory.endswith("/shims"))])


def files_of_checkout() -> list[str]:
    """What git tracks, and what it would track: everything that is not ignored and not deleted."""
    listing = subprocess.run(
        # another account may own the checkout (a mounted one, say); git would refuse to look
        [
            "git",
            "-c",
            f"safe.directory={CHECKOUT}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.fail(f"the judges read what git lists, and git refused: {listing.stderr.strip()}", pytrace=False)
    names = sorted(name for name in listing.stdout.split("\0") if name and os.path.lexists(CHECKOUT / name))
    if "galaxy.yml" not in names:
        pytest.fail(f"git does not list the checkout's own files in {CHECKOUT}", pytrace=False)
    return names


def lines_of_checkout() -> Iterator[tuple[str, str]]:
    """(file:line, text) of every text file."""
    for name in files_of_checkout():
        path = CHECKOUT / name
        if path.is_symlink() or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not a text
        for number, line in enumerate(text.splitlines(), start=1):
            yield f"{name}:{number}", line


def none_of(lines: list[str], what: str) -> None:
    """Fails with the lines, where there are any."""
    if lines:
        pytest.fail("\n".join([f"{len(lines)} lines, each {what}:", *lines]), pytrace=False)


def copy_tree(names: list[str], collections_path: Path) -> Path:
    """The named files of the checkout, where Ansible looks for our collection below `collections_path`."""
    copy = collections_path / "ansible_collections" / "hotstandby" / "postgresql"
    copy.mkdir(parents=True)
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, copy / name, follow_symlinks=False)
    return copy
