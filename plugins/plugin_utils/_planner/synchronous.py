# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a primary has the standbys that its synchronous_standby_names asks for. Pure.

Source of the syntax: PostgreSQL's documentation of synchronous_standby_names (a list; from 9.6 a number before it in
parentheses; from 10 FIRST or ANY before that).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# a quoted name, a parenthesis or comma, or a run of anything else
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|([(),])|([^\s",()]+)')
_ANYBODY = "*"


@dataclass(frozen=True)
class SynchronousNames:
    """needed: how many of the named standbys have to confirm a commit."""

    needed: int
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> SynchronousNames:
        """Read a value that a server accepts. None is needed when it is empty: replication is asynchronous."""
        names: list[str] = []
        needed = 1
        for quoted, mark, word in _TOKEN.findall(text):
            if mark == "(":
                # what stood before it was no name: the number, and perhaps FIRST or ANY
                needed, names = int(names[-1]) if names and names[-1].isdigit() else 1, []
            elif not mark:
                names.append(word or quoted.replace('""', '"'))
        return cls(needed if names else 0, tuple(names))

    def matching(self, standbys: Iterable[str]) -> tuple[str, ...]:
        """Those of the standbys (their application_name) that are named; upper and lower case are the same."""
        wanted = {name.lower() for name in self.names}
        return tuple(name for name in standbys if _ANYBODY in wanted or name.lower() in wanted)


def waiting_commits(setting: str, standbys: Iterable[str]) -> str | None:
    """Why every commit waits on a primary with that setting from which just these standbys stream; None: none waits."""
    wanted = SynchronousNames.parse(setting)
    present = wanted.matching(standbys)
    if len(present) >= wanted.needed:
        return None
    return (
        f"synchronous_standby_names is {setting!r}: {wanted.needed} of these standbys must confirm a commit,"
        f" and there is {' and '.join(present) or 'none'}"
    )
