# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of a passfile, by the rules of libpq's documentation (The Password File). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PassfileEntry:
    """A line of a passfile; "*" matches anything, except as password.

    For replication connections the database is "replication" (or "*").
    """

    host: str
    port: str
    database: str
    user: str
    password: str = field(repr=False)

    def line(self) -> str:
        """The line, without line end. Raises ValueError for what a passfile cannot hold."""
        fields = (self.host, str(self.port), self.database, self.user, self.password)
        if any(character in part for part in fields for character in "\n\r\0"):
            raise ValueError("a passfile cannot hold a line break or a zero byte")
        text = ":".join(part.replace("\\", "\\\\").replace(":", "\\:") for part in fields)
        # a line that starts with "#" is a comment
        return f"\\{text}" if text.startswith("#") else text


def render_passfile(entries: Iterable[PassfileEntry]) -> str:
    """The text of a passfile (to be written with mode 0600). Raises ValueError like PassfileEntry.line."""
    return "".join(f"{entry.line()}\n" for entry in entries)
