# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the judges share: a copy of the tree to read, and a way to run them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from judges.judging import Judge, copy_tree, files_of_checkout


@pytest.fixture(scope="session")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(home=tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, as a git tree of its own. Judges may read it, not change it."""
    copy = copy_tree(files_of_checkout(), tmp_path_factory.mktemp("tree"))
    git = [
        "git",
        "-c",
        "user.name=judge",
        "-c",
        "user.email=judge@localhost",
        "-c",
        "init.defaultBranch=main",
    ]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "the tree under judgement"]):
        subprocess.run([*git, *arguments], cwd=copy, check=True)
    return copy


@pytest.fixture(scope="session")
def collections_path(tree: Path) -> Path:
    """The directory for ANSIBLE_COLLECTIONS_PATH in which `tree` is hotstandby.postgresql."""
    return tree.parents[2]
