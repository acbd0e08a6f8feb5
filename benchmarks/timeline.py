# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened when, on all hosts: server logs, the controller and the client, put in one order. Only computes."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

CONTROLLER = "controller"
CLIENT = "client"

# The servers log in UTC. Of these lines the part that matches is kept.
_STAMPED = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC \[\d+\] (?:LOG|FATAL):\s+(.*)$")
_TOLD = re.compile(
    r"received (?:fast|smart|immediate) shutdown request"
    r"|checkpoint starting: [a-z -]+"
    r"|checkpoint complete"
    r"|database system is shut down"
    r"|received promote request"
    r"|redo done at \S+"
    r"|selected new timeline ID: \d+"
    r"|archive recovery complete"
    r"|database system is ready to accept (?:read-only )?connections"
    r"|started streaming WAL from primary"
)
_HEADING = re.compile(r"^(?:(PLAY|TASK) \[(.*)\]|PLAY RECAP) \**$")
LONG_SECONDS = 1.0


@dataclass(frozen=True, order=True)
class Event:
    """at: seconds since the epoch."""

    at: float
    where: str
    what: str


@dataclass(frozen=True)
class Milestone:
    """The first event of that name on that host; `place` is old (the old primary), new, or a place's own name."""

    title: str
    place: str
    words: tuple[str, ...]


# In the order in which they are to come; what is not found (a killed server says nothing) stays empty.
MILESTONES = (
    Milestone("command begins", CONTROLLER, ("begins",)),
    Milestone("told to stop", "old", ("received fast shutdown request", "killed")),
    Milestone("shut down", "old", ("database system is shut down", "killed")),
    Milestone("promote request", "new", ("received promote request",)),
    Milestone("new timeline", "new", ("selected new timeline",)),
    Milestone("accepts connections", "new", ("database system is ready to accept connections",)),
    Milestone("first row", CLIENT, ("first row",)),
    Milestone("command ends", CONTROLLER, ("ends",)),
)


def of_log(host: str, text: str) -> list[Event]:
    """What a server said of its stops, starts, checkpoints and promotions."""
    found = []
    for line in text.splitlines():
        stamped = _STAMPED.match(line)
        told = stamped and _TOLD.match(stamped[2])
        if stamped and told:
            at = datetime.fromisoformat(f"{stamped[1]}+00:00").timestamp()
            found.append(Event(at, host, told[0].strip()))
    return found


def headings(lines: Iterable[tuple[float, str]]) -> list[tuple[float, str, str]]:
    """When each play and task of a run began whose lines were stamped when they came, its kind, and its name."""
    found = []
    for at, line in lines:
        heading = _HEADING.match(line)
        if heading:
            name = (heading[2] or "recap").removeprefix("hotstandby.postgresql.")
            found.append((at, heading[1] or "RECAP", name))
    return found


def of_output(lines: Iterable[tuple[float, str]]) -> list[Event]:
    """The plays of a run, and those of its tasks that took long."""
    found = headings(lines)
    ends = [at for at, _kind, _name in found[1:]]
    return [
        Event(at, CONTROLLER, f"{kind.lower()}: {name}")
        for (at, kind, name), end in zip(found, ends, strict=False)
        if kind == "PLAY" or end - at >= LONG_SECONDS
    ]


def spans(lines: Iterable[tuple[float, str]], begun: float, ended: float) -> dict[str, float]:
    """What each task of a run took, from its heading to the next one; the first span ends with the first heading."""
    found: dict[str, float] = {}
    edges = [(begun, "", "start of ansible-playbook"), *headings(lines), (ended, "", "")]
    for (since, _kind, name), (until, *_rest) in pairwise(edges):
        found[name] = found.get(name, 0.0) + until - since
    return found


def medians(runs: Sequence[Mapping[str, float]], least: float) -> list[tuple[str, float]]:
    """The median of each span over the runs, the longest first; those below `least` are added up in the last one."""
    names = dict.fromkeys(name for run in runs for name in run)
    all_of_them = {name: statistics.median(run.get(name, 0.0) for run in runs) for name in names}
    long = sorted(((n, s) for n, s in all_of_them.items() if s >= least), key=lambda pair: -pair[1])
    rest = [seconds for seconds in all_of_them.values() if seconds < least]
    return [*long, (f"{len(rest)} others below {least:g} s each", sum(rest))]


def gap(times: Sequence[float], since: float) -> tuple[float, float]:
    """The longest time without an acknowledged row that ended after `since`: from when, until when."""
    if len(times) < 2 or times[-1] < since:
        raise ValueError(f"no row was acknowledged after {since:.3f}")
    later = [i for i in range(1, len(times)) if times[i] >= since]
    longest = max(later, key=lambda i: times[i] - times[i - 1])
    return times[longest - 1], times[longest]


def between(events: Iterable[Event], begun: float, ended: float) -> list[Event]:
    """In their order, those of that time."""
    return sorted(event for event in events if begun <= event.at <= ended)


def milestones(events: Sequence[Event], old: str, new: str) -> dict[str, float]:
    """When each was reached, by title."""
    places = {"old": old, "new": new}
    found = {}
    for one in MILESTONES:
        place = places.get(one.place, one.place)
        when = [e.at for e in events if e.where == place and e.what.startswith(one.words)]
        if when:
            found[one.title] = min(when)
    return found


def steps(name: str, reached: Sequence[Mapping[str, float]]) -> list[str]:
    """A row of the table of milestones: the median of each, in seconds from the last acknowledged row."""
    row = [name]
    for one in MILESTONES:
        when = [found[one.title] for found in reached if one.title in found]
        row.append(f"{statistics.median(when):+.1f}" if when else "-")
    return row


def rows(events: Sequence[Event], zero: float) -> list[list[str]]:
    """A timeline as a table: seconds from `zero`, where, what."""
    return [[f"{event.at - zero:+.2f}", event.where, event.what] for event in sorted(events)]
