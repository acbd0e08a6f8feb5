# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages have to know of the code: each refusal is in the guide, and each package in architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SHELVES = [path for place in ("module_utils", "plugin_utils") for path in sorted((ROOT / "plugins" / place).glob("_*"))]
PACKAGES = {path.stem: path for path in SHELVES if path.stem != "__pycache__"}


def refusal_names() -> Iterator[str]:
    """Every name that a refusal of the planner can have: the texts in the first argument of Refusal(...)."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield part.value


def names_in_plays() -> set[str]:
    """Names with which a task of a role or a playbook fails: the word in brackets at the beginning of its message."""
    files = [path for part in ("playbooks", "roles") for path in sorted((ROOT / part).rglob("*.yml"))]
    message = re.compile(r"msg: (?:>-\s+)?\"?\[([a-z_]+)\]")
    return {name for path in files for name in message.findall(path.read_text(encoding="utf-8"))}


def test_every_refusal_is_in_the_guide() -> None:
    guide = (ROOT / "docs/refusals.md").read_text(encoding="utf-8")
    names = {*refusal_names(), *names_in_plays()}
    assert len(names) > 40, "the names were not found in the code"
    assert {"no_hosts", "fence_failed", "rolled_back", "incomplete"} <= names
    assert {name for name in names if f"`{name}`" not in guide} == set()


def test_every_package_is_in_the_architecture() -> None:
    """In the first column of a table, and once."""
    rows = [line.split("|")[1] for line in ARCHITECTURE.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert len(PACKAGES) > 15
    assert sorted(named) == sorted(PACKAGES)


def test_the_drawing_of_the_architecture_has_every_package_and_none_besides() -> None:
    drawing = ARCHITECTURE.split("```")[1]
    assert set(re.findall(r"(?<!\w)_[a-z]+", drawing)) == set(PACKAGES)


def test_every_file_that_the_architecture_names_exists() -> None:
    """PACKAGE/FILE, the path of anything else, and in a row of a table the files of its package."""
    for name in re.findall(r"`([\w./]+/[\w.]*)`", ARCHITECTURE):
        package, file = name.partition("/")[::2]
        path = PACKAGES[package] / f"{file}.py" if package.startswith("_") else ROOT / name
        assert path.exists(), name
    for line in ARCHITECTURE.splitlines():
        if line.startswith("| `"):
            row, text = line.split("|")[1:3]
            packages = re.findall(r"`(\w+)`", row)
            files = {path.stem for name in packages for path in PACKAGES[name].glob("*.py")}
            assert set(re.findall(r"`(\w+)`", text)) <= files | set(packages), line
