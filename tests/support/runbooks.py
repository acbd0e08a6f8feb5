# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads docs/operations.md: which commands it gives, and what it says that they print. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

BEFORE = re.compile(r"<!-- before: (\w+) -->")
PROMPT = re.compile(r"(db-\d)?\$ (.+)")
# What differs from run to run: an LSN, a timeline, a number of bytes. "..." in the guide stands for anything.
VARIES = re.compile(r"[0-9A-F]+/[0-9A-F]+|(?<=timeline )\d+|\d+(?= bytes)")
# With one of these among what is shown, the command is one that fails.
FAILS = re.compile(r"\[[a-z_]+\] |PROBLEM: |\.\.\. boot guard: not started")


class BadRunbookError(ValueError):
    """The guide is not written so that a test can follow it."""


@dataclass(frozen=True)
class Step:
    """A command, and the lines that it shows. host: on which it is typed, None for where Ansible is."""

    command: str
    host: str | None
    shows: tuple[str, ...]

    @property
    def fails(self) -> bool:
        return any(FAILS.match(line) for line in self.shows)

    def replaced(self, command: str) -> Step:
        return replace(self, command=command)

    def missing_in(self, output: str) -> list[str]:
        """Lines of the guide that the output does not have, in whatever order."""
        printed = [_plain(line) for line in output.splitlines()]
        return [line for line in self.shows if not any(_pattern(line).search(text) for text in printed)]


@dataclass(frozen=True)
class Scene:
    """Commands of one block. before: the trouble that there has to be first, empty for none."""

    before: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Runbook:
    title: str
    scenes: tuple[Scene, ...]


def runbooks_in(text: str) -> list[Runbook]:
    """All second-level sections that hold commands. Raises BadRunbookError."""
    found = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, body = section.split("\n", 1)
        scenes = _scenes(body, title)
        if scenes:
            found.append(Runbook(title, scenes))
    return found


def _scenes(body: str, title: str) -> tuple[Scene, ...]:
    scenes = []
    before = ""
    block: list[str] | None = None
    for line in body.splitlines():
        if block is not None and line == "```":
            scenes.append(Scene(before, _steps(block, title)))
            before, block = "", None
        elif block is not None:
            block.append(line)
        elif line.startswith("```"):
            if line != "```console":
                raise BadRunbookError(f"{title}: a block that is not ```console: {line}")
            block = []
        elif match := BEFORE.fullmatch(line):
            before = match.group(1)
        elif before and line:
            raise BadRunbookError(f"{title}: what comes before, {before}, does not stand right above a block")
    if block is not None:
        raise BadRunbookError(f"{title}: a block has no end")
    return tuple(scenes)


def _steps(block: list[str], title: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    for line in block:
        if match := PROMPT.fullmatch(line):
            steps.append(Step(match.group(2), match.group(1), ()))
        elif not steps:
            raise BadRunbookError(f"{title}: a block begins with {line!r}, which is no command")
        else:
            last = steps.pop()
            steps.append(Step(last.command, last.host, (*last.shows, line)))
    silent = [step.command for step in steps if not step.shows]
    if silent or not steps:
        raise BadRunbookError(f"{title}: no output is shown for {silent}")
    return tuple(steps)


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with other names for the nodes, in slots too. names: from one to the other."""
    wanted = {**names, **{f"hotstandby_{_slot(old)}": f"hotstandby_{_slot(new)}" for old, new in names.items()}}
    pattern = "|".join(sorted(map(re.escape, wanted), key=len, reverse=True))
    return re.sub(rf"(?<![\w-])({pattern})(?![\w-])", lambda match: wanted[match.group(1)], text)


def _slot(name: str) -> str:
    return name.replace("-", "_")


def _plain(line: str) -> str:
    return " ".join(line.strip(" │├└─|").split())


def _pattern(line: str) -> re.Pattern[str]:
    parts = []
    for part in _plain(line).split("..."):
        at, pieces = 0, []
        for match in VARIES.finditer(part):
            pieces += [re.escape(part[at : match.start()]), r"[0-9A-F/,]+"]
            at = match.end()
        parts.append("".join(pieces) + re.escape(part[at:]))
    return re.compile(".*".join(parts))
