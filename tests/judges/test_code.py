# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges of the code: Python, shell and YAML."""

from __future__ import annotations

from pathlib import Path

from judges.judging import Judge


def test_ruff(judge: Judge, tree: Path) -> None:
    judge("ruff", "check", "--no-cache", "--output-format", "concise", cwd=tree)


def test_mypy_strict(judge: Judge, tree: Path, tmp_path: Path) -> None:
    judge("make", "--silent", "link", cwd=tree)  # mypy's settings name the files through the link
    judge("mypy", "--cache-dir", str(tmp_path), cwd=tree)


def test_shellcheck(judge: Judge, tree: Path) -> None:
    scripts = [str(path) for path in sorted(tree.rglob("*")) if is_shell_script(path)]
    assert scripts, "no shell script found: does this test still look in the right place?"
    judge("shellcheck", *scripts, cwd=tree)


def is_shell_script(path: Path) -> bool:
    if not path.is_file() or ".git" in path.parts:
        return False
    with path.open("rb") as file:
        first_line = file.readline(100)
    return first_line.startswith(b"#!") and first_line.rstrip().endswith((b"/sh", b"/bash", b" sh", b" bash"))


def test_yamllint(judge: Judge, tree: Path) -> None:
    judge("yamllint", "--strict", ".", cwd=tree)
