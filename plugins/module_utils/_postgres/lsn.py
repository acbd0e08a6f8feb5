# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Positions in the write-ahead log. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import overload

DEFAULT_WAL_SEGMENT_SIZE = 16 * 1024 * 1024
LAST_POSITION = 2**64 - 1

_TEXT = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", re.ASCII)


@dataclass(frozen=True, order=True)
class Lsn:
    """A log sequence number: a byte position in the WAL of one cluster."""

    value: int

    def __post_init__(self) -> None:
        if not 0 <= self.value <= LAST_POSITION:
            raise ValueError(f"an LSN has 64 bits and no sign, not {self.value}")

    @classmethod
    def parse(cls, text: str) -> Lsn:
        """Read PostgreSQL's own notation, for example 0/3000060. Raises ValueError."""
        found = _TEXT.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{text!r} is not an LSN such as 0/3000060")
        return cls(int(found.group(1), 16) << 32 | int(found.group(2), 16))

    @classmethod
    def from_optional(cls, text: str | None) -> Lsn | None:
        """Like parse; None for what SQL returns as null and for an empty text. Raises ValueError."""
        return cls.parse(text) if text else None

    def __str__(self) -> str:
        return f"{self.value >> 32:X}/{self.value & 0xFFFFFFFF:X}"

    @overload
    def __sub__(self, other: Lsn) -> int: ...

    @overload
    def __sub__(self, other: int) -> Lsn: ...

    def __sub__(self, other: Lsn | int) -> int | Lsn:
        """Bytes from another position to this one, or the position that lies so many bytes before."""
        return self.value - other.value if isinstance(other, Lsn) else Lsn(self.value - other)

    def __add__(self, distance: int) -> Lsn:
        """The position that lies so many bytes further on."""
        return Lsn(self.value + distance)

    def segment_start(self, wal_segment_size: int = DEFAULT_WAL_SEGMENT_SIZE) -> Lsn:
        """First byte of the segment that holds the byte at this position. Size in bytes."""
        return Lsn(self.value - self.value % wal_segment_size)

    def wal_file_name(self, timeline: int, wal_segment_size: int = DEFAULT_WAL_SEGMENT_SIZE) -> str:
        """Name of the segment file that holds the byte at this position.

        The SQL function pg_walfile_name differs on a boundary: it names the segment before.
        """
        number = self.value // wal_segment_size
        per_xlog_id = 2**32 // wal_segment_size
        return f"{timeline:08X}{number // per_xlog_id:08X}{number % per_xlog_id:08X}"
