# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the operator's guide has to know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


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
