# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WAL segment files: their names, and what the first page of one says of itself. Pure."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from .lsn import Lsn

# XLogLongPageHeaderData, in the byte order of the machine: (magic,) flags, timeline, address of the page, (remaining
# length, padding,) system identifier, segment size (, block size). The same in all versions that we know.
_LONG_HEADER = struct.Struct("=2xHIQ8xQI4x")
_IS_LONG = 0x0002
HEADER_BYTES = _LONG_HEADER.size
_NAME = re.compile(r"[0-9A-F]{24}", re.ASCII)


@dataclass(frozen=True)
class Segment:
    """One segment of a timeline's WAL. start: the LSN of its first byte. size is in bytes."""

    name: str
    start: Lsn
    size: int

    @property
    def end(self) -> Lsn:
        return self.start + self.size

    def before(self, position: Lsn) -> int:
        """How many of its bytes lie before a position."""
        return min(max(position - self.start, 0), self.size)


@dataclass(frozen=True)
class Header:
    """What the first page of a segment file says."""

    timeline: int
    start: Lsn
    system_identifier: str
    segment_size: int

    @classmethod
    def parse(cls, page: bytes) -> Header | None:
        """Read the first bytes of a file; None when no segment begins like that."""
        if len(page) < HEADER_BYTES:
            return None
        flags, timeline, address, system, segment_size = _LONG_HEADER.unpack(page[:HEADER_BYTES])
        if not flags & _IS_LONG:
            return None
        return cls(timeline, Lsn(address), str(system), segment_size)


def segments_between(timeline: int, start: Lsn, end: Lsn, size: int) -> tuple[Segment, ...]:
    """The segments that hold the bytes from start on and before end."""
    found: list[Segment] = []
    if end <= start:
        return ()
    first = start.segment_start(size)
    while first < end:
        found.append(Segment(first.wal_file_name(timeline, size), first, size))
        first = first + size
    return tuple(found)


def segment_named(name: str, timeline: int, size: int) -> Segment | None:
    """The segment with this name; None when it is no segment of that timeline."""
    if not _NAME.fullmatch(name):
        return None
    number = int(name[8:16], 16) * (2**32 // size) + int(name[16:], 16)
    try:
        start = Lsn(number * size)
    except ValueError:
        return None
    return Segment(name, start, size) if start.wal_file_name(timeline, size) == name else None


def newest_timeline(names: list[str]) -> int:
    """The newest timeline of which there are segments; 0 without any."""
    return max((int(name[:8], 16) for name in names if _NAME.fullmatch(name)), default=0)


def flaw(segment: Segment, header: Header | None, length: int, timeline: int, system_identifier: str) -> str | None:
    """What speaks against a file being that segment of that cluster; None when nothing does.

    The first page of a timeline's first segment may be of the timeline before.
    """
    if length != segment.size:
        return f"it has {length} bytes and not {segment.size}"
    if header is None:
        return "it does not begin like a WAL segment"
    if header.system_identifier != system_identifier:
        return f"it is of the cluster {header.system_identifier} and not of {system_identifier}"
    if header.start != segment.start:
        return f"it holds the WAL from {header.start} on and not from {segment.start} on"
    if header.segment_size != segment.size:
        return f"it was written for segments of {header.segment_size} bytes"
    if not 0 < header.timeline <= timeline:
        return f"it is of timeline {header.timeline}"
    return None
