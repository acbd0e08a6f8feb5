# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a case, and which rules it broke. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from support.pairs.cases import Command

_CHANGED = re.compile(r"^\S+\s+: ok=\d+ .*?\bchanged=(\d+)", re.MULTILINE)
_NAME = re.compile(r"\[([a-z]+(?:_[a-z]+)*)\]|\berror_name: ([a-z_]+)")
_PROMOTED = re.compile(r"selected new timeline ID: (\d+)")
_ROW = re.compile(r"^\| (`[^|]+) \|", re.MULTILINE)
HUNG = -1000


@dataclass(frozen=True)
class Ran:
    """A run that has ended. status: its exit status, negative when it was killed. ended: by the monotonic clock."""

    command: Command
    status: int
    output: str
    ended: float

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        return sum(int(count) for count in _CHANGED.findall(self.output))

    def names(self, known: Iterable[str]) -> list[str]:
        """Why it ended so: the names of refusals and errors in its output that docs/refusals.md has."""
        said = {first or second for first, second in _NAME.findall(self.output)}
        return sorted(said & set(known))

    def went_on(self, known: Iterable[str]) -> bool:
        """Whether it did what it was to do. `incomplete`: it did, and names a node that rejoin.yml brings back."""
        return self.status == 0 or (self.status > 0 and self.names(known) == ["incomplete"])

    def told(self, known: Iterable[str]) -> str:
        names = "".join(f" [{name}]" for name in self.names(known)) if self.status else ""
        return f"{'hung' if self.status == HUNG else self.status}{names}"


@dataclass
class Found:
    """All that is known of a case at its end.

    again: the run after them, which changes nothing (`settled`) or succeeds. brought_back: the last one, which makes
    all nodes well. promoted: the nodes that promoted themselves to a timeline, by the timeline. histories: the text of
    each history file, by node and timeline. writable: who takes writes in the end.
    """

    runs: list[Ran] = field(default_factory=list)
    again: Ran | None = None
    settled: bool = False
    brought_back: Ran | None = None
    doubles: list[str] = field(default_factory=list)
    promoted: dict[int, set[str]] = field(default_factory=dict)
    histories: dict[str, dict[int, str]] = field(default_factory=dict)
    writable: list[str] = field(default_factory=list)
    whole: bool = False
    acknowledged: int = 0
    lost: list[int] = field(default_factory=list)


def names_in(refusals: str) -> list[str]:
    """The names that docs/refusals.md explains."""
    return re.findall(r"`([a-z_]+)`", " ".join(_ROW.findall(refusals)))


def promotions(logs: Mapping[str, str]) -> dict[int, set[str]]:
    """Which nodes promoted themselves to which timeline, by their servers' logs."""
    found: dict[int, set[str]] = {}
    for node, text in logs.items():
        for timeline in _PROMOTED.findall(text):
            found.setdefault(int(timeline), set()).add(node)
    return found


def next_run(runs: Sequence[Ran], primary: str | None, known: Sequence[str]) -> tuple[Command, bool]:
    """What is run after them, and whether it has to change nothing. Else it has to succeed.

    One went on: the winner's playbook once more. Nobody did: any that fits the state of the cluster.
    """
    winners = sorted((run for run in runs if run.went_on(known)), key=lambda run: run.ended)
    if winners:
        return winners[-1].command, True
    commands = [run.command for run in runs]
    if primary is None:
        return next((command for command in commands if command.playbook == "failover"), _failover(commands)), False
    return next((command for command in commands if command.playbook == "switchover"), Command("rejoin")), False


def _failover(commands: Sequence[Command]) -> Command:
    return Command("failover", next((command.to for command in commands if command.to), ""))


def broken_rules(found: Found, known: Sequence[str]) -> list[str]:
    """The rules that did not hold, each with what was seen; none in a good case."""
    broken = [f"two primaries: {double}" for double in found.doubles]
    for timeline, nodes in sorted(found.promoted.items()):
        if len(nodes) > 1:
            broken.append(f"two promotions: {' and '.join(sorted(nodes))} both promoted themselves to {timeline}")
    broken += _histories_differ(found.histories)
    if len(found.writable) != 1:
        broken.append(f"one primary in the end: there is {' and '.join(found.writable) or 'none'}")
    if found.lost:
        broken.append(f"rows lost: {len(found.lost)} of {found.acknowledged}, the first is {found.lost[0]}")
    for run in found.runs:
        if run.status == HUNG:
            broken.append(f"ends in time: {run.command} did not")
        elif run.status > 0 and not run.names(known):
            broken.append(f"says why: {run.command} ended with {run.status} and no name")
    if found.again is not None and (wrong := _again_wrong(found.again, known, settled=found.settled)):
        broken.append(wrong)
    if found.brought_back is not None and (found.brought_back.status or not found.whole):
        told = found.brought_back.told(known)
        broken.append(f"can be brought back: {found.brought_back.command} ended with {told}, whole: {found.whole}")
    return broken


def _again_wrong(run: Ran, known: Sequence[str], *, settled: bool) -> str:
    told = run.told(known)
    if not settled:
        return "" if run.went_on(known) else f"one run more succeeds: {run.command} ended with {told}"
    refuses = run.command.playbook == "failover" and run.status > 0 and run.names(known) == ["primary_alive"]
    if run.changed or not (run.went_on(known) or refuses):
        return f"one run more changes nothing: {run.command} ended with {told}, changed={run.changed}"
    return ""


def _histories_differ(histories: Mapping[str, Mapping[int, str]]) -> list[str]:
    texts: dict[int, dict[str, list[str]]] = {}
    for node, files in sorted(histories.items()):
        for timeline, text in files.items():
            texts.setdefault(timeline, {}).setdefault(text, []).append(node)
    return [
        f"one history: timeline {timeline} has another one on {' than on '.join(map(', '.join, found.values()))}"
        for timeline, found in sorted(texts.items())
        if len(found) > 1
    ]
