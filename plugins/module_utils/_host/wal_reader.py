# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: reads the WAL of a server by its files, with pg_waldump. Changes nothing."""

from __future__ import annotations

import os
import re

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_records import (
    end_before_missing_file,
    end_from_statistics,
    end_of_listed_record,
    last_record_from_complaint,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_segments import (
    HEADER_BYTES,
    Header,
    Segment,
    flaw,
)

from .commands import Commands

NO_RECORD = "could not find a valid record after"
WAL_FILE = re.compile(r"[0-9A-F]{24}")


def end_of_wal(
    commands: Commands, dialect: Dialect, control: Control, wal_directory: str, segment_size: int
) -> Lsn | None:
    """Find the end of the last record, reading on from the redo point; None when that cannot be told.

    Raises HotStandbyError "missing_program" without pg_waldump.
    """
    program = dialect.waldump_program
    for timeline in sorted({control.timeline, control.minimum_recovery_timeline} - {0}, reverse=True):
        start = control.redo if timeline == control.timeline else control.minimum_recovery_end
        if start is None:
            continue
        where = ("-p", wal_directory, "-t", str(timeline))
        summary = commands.attempt(program, *where, "-s", str(start), "-z")
        end = end_from_statistics(summary.output)
        if end is None:
            end = end_before_missing_file(summary.errors, segment_size)
            if end is not None and end > start:
                # the record before may be one that was to go on in that file
                bounded = commands.attempt(program, *where, "-s", str(start), "-e", str(end), "-z")
                end = end_from_statistics(bounded.output) or end
        if end is None:
            last = last_record_from_complaint(summary.errors)
            if last is not None:
                listed = commands.attempt(program, *where, "-s", str(last), "-n", "1")
                end = end_of_listed_record(listed.output, segment_size)
        if end is not None and end >= start:
            return end
    return None


def nothing_whole_after(commands: Commands, dialect: Dialect, wal_directory: str, timeline: int, position: Lsn) -> bool:
    """Whether no whole record follows: a primary that was killed often leaves half of one. False when in doubt."""
    program = dialect.waldump_program
    if not commands.has(program):
        return False
    arguments = ("-p", wal_directory, "-t", str(timeline), "-s", str(position), "-n", "1")
    return NO_RECORD in commands.attempt(program, *arguments).errors


def flaw_of_file(path: str, segment: Segment, timeline: int, system_identifier: str) -> str | None:
    """What speaks against a file being that segment; None when nothing does. Raises OSError."""
    with open(path, "rb") as file:
        length = os.fstat(file.fileno()).st_size
        header = Header.parse(file.read(HEADER_BYTES))
    return flaw(segment, header, length, timeline, system_identifier)


def read_history(wal_directory: str, timeline: int) -> TimelineHistory | None:
    """Read the timeline's history file; timeline 1 has none. None when it should be there and is not."""
    if timeline == 1:
        return TimelineHistory.root()
    try:
        with open(os.path.join(wal_directory, f"{timeline:08X}.history"), encoding="utf-8") as file:
            return TimelineHistory.parse(timeline, file.read())
    except FileNotFoundError:
        return None


def oldest_wal(wal_directory: str, segment_size: int) -> Lsn | None:
    """Start (LSN) of the oldest segment that is there, whatever its timeline."""
    numbers = [
        int(name[8:16], 16) * (0x100000000 // segment_size) + int(name[16:24], 16)
        for name in os.listdir(wal_directory)
        if WAL_FILE.fullmatch(name)
    ]
    return Lsn(min(numbers) * segment_size) if numbers else None
