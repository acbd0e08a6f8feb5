# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long copy is, as it travels from a host to the controller. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

CLONING = "clone"
VERIFYING = "verify"
REWINDING = "rewind"
KINDS = (CLONING, VERIFYING, REWINDING)
# The text has one length, so that it is written and read in one piece.
LENGTH = 256
# Nobody copies more, or for longer.
MOST_BYTES = 2**60
MOST_SECONDS = 1e9


@dataclass(frozen=True)
class Progress:
    """kind: what is done. done_bytes: so many are done. total_bytes: of so many, 0 where that is not known. seconds:
    since it began."""

    kind: str
    done_bytes: int
    total_bytes: int
    seconds: float

    def to_text(self) -> str:
        return json.dumps(vars(self)).ljust(LENGTH)

    @classmethod
    def from_text(cls, text: str) -> Progress | None:
        """Read what to_text made; None for anything else. Nothing of another text goes any further."""
        try:
            plain = json.loads(text)
            found = cls(
                kind=str(plain["kind"]),
                done_bytes=int(plain["done_bytes"]),
                total_bytes=int(plain["total_bytes"]),
                seconds=float(plain["seconds"]),
            )
        except (ValueError, KeyError, TypeError, OverflowError):
            return None
        counts = all(0 <= count < MOST_BYTES for count in (found.done_bytes, found.total_bytes))
        return found if found.kind in KINDS and counts and 0 < found.seconds < MOST_SECONDS else None
