# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marker: what a clone that is under way leaves for the run that finds it cut off. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from .swap import Step

COPYING = "copying"
SWAPPING = "swapping"


@dataclass(frozen=True)
class Marker:
    """What is known of the clone.

    phase: copying (the target is untouched) or swapping (the clone is whole and steps put it into place).
    started: when, in UTC. source: host and port. system_identifier: of the source. sides: side directories.
    created: directories that were made for the clone, outer ones first. asides: where the old content goes.
    verified: whether pg_verifybackup has passed the clone.
    """

    phase: str
    started: str
    source: str
    system_identifier: str
    sides: tuple[str, ...]
    created: tuple[str, ...] = ()
    asides: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    verified: bool = False

    @classmethod
    def parse(cls, text: str) -> Marker:
        """Read a marker. Raises ValueError when the text is none."""
        try:
            found = json.loads(text)
            return cls(
                phase=str(found["phase"]),
                started=str(found["started"]),
                source=str(found["source"]),
                system_identifier=str(found["system_identifier"]),
                sides=tuple(map(str, found["sides"])),
                created=tuple(map(str, found["created"])),
                asides=tuple(map(str, found["asides"])),
                steps=tuple(Step(*map(str, step)) for step in found["steps"]),
                verified=bool(found["verified"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a marker of a clone: {error!r}") from error

    def text(self) -> str:
        plain = {**asdict(self), "steps": [[step.kind, step.source, step.destination] for step in self.steps]}
        return json.dumps(plain, indent=1) + "\n"

    def with_created(self, directories: Sequence[str]) -> Marker:
        return replace(self, created=(*self.created, *directories))

    def swapping(self, steps: Sequence[Step], asides: Sequence[str], verified: bool) -> Marker:
        return replace(self, phase=SWAPPING, steps=tuple(steps), asides=tuple(asides), verified=verified)
