# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_waldump says of the last records of a WAL, and where they end. Pure.

The fork test needs the end of the last record, not its start: a clean old primary whose shutdown checkpoint the
standby received in full may follow without a rewind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .lsn import Lsn

PAGE = 8192  # XLOG_BLCKSZ as every distribution builds it
SHORT_PAGE_HEADER = 24
LONG_PAGE_HEADER = 40
ALIGNMENT = 8

STATISTICS = re.compile(r"WAL statistics between [0-9A-F]+/[0-9A-F]+ and ([0-9A-F]+/[0-9A-F]+):")
LAST_RECORD = re.compile(r"error in WAL record at ([0-9A-F]+/[0-9A-F]+):")
MISSING_FILE = re.compile(r'could not find file "[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})"')
TOTAL_LENGTH = re.compile(r"len \(rec/tot\):\s*\d+/\s*(\d+),.*?lsn: ([0-9A-F]+/[0-9A-F]+)")

SHUTDOWN = ("XLOG", "CHECKPOINT_SHUTDOWN")
# How far before the end of the WAL to begin reading for its last record, in bytes: two pages.
TAIL = 16384
_RECORD = re.compile(
    r"^rmgr: (\S+)\s+len \(rec/tot\):\s*\d+/\s*(\d+),.*?lsn: ([0-9A-F]+/[0-9A-F]+),.*?desc: (\S+)", re.MULTILINE
)


def end_from_statistics(output: str) -> Lsn | None:
    """Read the end from the heading of pg_waldump --stats (15 and later print it)."""
    found = STATISTICS.search(output)
    return Lsn.parse(found.group(1)) if found else None


def last_record_from_complaint(errors: str) -> Lsn | None:
    """Read the start of the last whole record from pg_waldump's closing complaint."""
    found = LAST_RECORD.search(errors)
    return Lsn.parse(found.group(1)) if found else None


def end_before_missing_file(errors: str, segment_size: int) -> Lsn | None:
    """Read the end from the segment that pg_waldump wanted next and did not find: its start.

    WAL ends like that after a switch of segments, as every base backup ends with one.
    """
    found = MISSING_FILE.search(errors)
    if not found:
        return None
    high, low = (int(part, 16) for part in found.groups())
    return Lsn((high * (0x100000000 // segment_size) + low) * segment_size)


def end_of_listed_record(output: str, segment_size: int) -> Lsn | None:
    """Read start and total length (bytes) of one record that pg_waldump listed; return its end."""
    found = TOTAL_LENGTH.search(output)
    if not found:
        return None
    return record_end(Lsn.parse(found.group(2)), int(found.group(1)), segment_size)


def record_end(start: Lsn, total_length: int, segment_size: int) -> Lsn:
    """Return where the record after this one starts: length is in bytes, page headers come on top."""
    position = start.value
    left = total_length
    while left > 0:
        if position % PAGE == 0:
            position += LONG_PAGE_HEADER if position % segment_size == 0 else SHORT_PAGE_HEADER
        step = min(left, PAGE - position % PAGE)
        position += step
        left -= step
    position += -position % ALIGNMENT
    return Lsn(position)


@dataclass(frozen=True)
class Record:
    """One record of the WAL."""

    kind: tuple[str, str]
    start: Lsn
    end: Lsn

    def __str__(self) -> str:
        return f"{self.kind[1]} at {self.start}"


def last_record(output: str, segment_size: int) -> Record | None:
    """Read the last record of pg_waldump's list."""
    found = None
    for line in _RECORD.finditer(output):
        found = line
    if found is None:
        return None
    start = Lsn.parse(found.group(3))
    return Record((found.group(1), found.group(4)), start, record_end(start, int(found.group(2)), segment_size))


def read_from(end: Lsn, segment_size: int) -> Lsn:
    """Where to begin reading so that the last record is in it.

    Not in the segment before: after a switch its rest is empty, and a fresh clone does not have it.
    """
    return max(Lsn(max(end.value - TAIL, 0)), Lsn(max(end.value - 1, 0)).segment_start(segment_size))
