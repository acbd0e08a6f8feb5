# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the WAL of a stopped server ends, from pg_waldump's own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_records import (
    SHUTDOWN,
    Record,
    end_before_missing_file,
    end_from_statistics,
    end_of_listed_record,
    last_record,
    last_record_from_complaint,
    read_from,
    record_end,
)

SEGMENT = 16 * 1024 * 1024


def test_the_statistics_name_the_end() -> None:
    assert end_from_statistics("WAL statistics between 0/1526200 and 0/1526278:\nType  N") == Lsn.parse("0/1526278")
    assert end_from_statistics("Type  N") is None


def test_the_complaint_names_the_last_record() -> None:
    complaint = (
        "pg_waldump: error: error in WAL record at 0/1526200: invalid record length at 0/1526278: wanted 24, got 0"
    )
    assert last_record_from_complaint(complaint) == Lsn.parse("0/1526200")
    assert last_record_from_complaint("pg_waldump: error: could not find file") is None


@pytest.mark.parametrize(
    ("name", "end"),
    [("000000010000000000000003", "0/3000000"), ("0000000200000001000000FF", "1/FF000000")],
)
def test_a_missing_next_segment_is_the_end(name: str, end: str) -> None:
    complaint = f'pg_waldump: error: could not find file "{name}": No such file or directory'
    assert end_before_missing_file(complaint, SEGMENT) == Lsn.parse(end)
    assert end_before_missing_file("pg_waldump: error: error in WAL record at 0/1526200", SEGMENT) is None


def test_a_listed_record_gives_its_end() -> None:
    line = (
        "rmgr: XLOG        len (rec/tot):    114/   114, tx:          0, lsn: 0/01526200, prev 0/015261C8,"
        " desc: CHECKPOINT_SHUTDOWN redo 0/1526200"
    )
    assert end_of_listed_record(line, SEGMENT) == Lsn.parse("0/1526278")
    assert end_of_listed_record("", SEGMENT) is None


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        (0x1000028, 114, 0x10000A0),  # aligned to 8 bytes
        (0x1001FF0, 24, 0x1002020),  # 16 bytes, a short page header, 8 bytes
        (0x1FFFFF0, 24, 0x2000030),  # into the next segment: a long page header
        (0x1000028, 8192 - 40, 0x1002000),  # ends where the page ends
    ],
)
def test_page_headers_are_counted(start: int, length: int, end: int) -> None:
    assert record_end(Lsn(start), length, SEGMENT) == Lsn(end)


@given(st.integers(1, 2**20), st.integers(24, 100_000))
def test_a_record_never_ends_before_its_own_length(page: int, length: int) -> None:
    start = Lsn(page * 8192 + 40)
    end = record_end(start, length, SEGMENT)
    assert end - start >= length
    assert end.value % 8 == 0
    assert end - start <= length + 8 + (length // (8192 - 40) + 2) * 40


COMMIT = (
    "rmgr: Transaction len (rec/tot):     34/    34, tx:        733, lsn: 0/030001C0, prev 0/03000180,"
    " desc: COMMIT 2026-01-01 10:00:00.000000 UTC"
)
CHECKPOINT = (
    "rmgr: XLOG        len (rec/tot):    114/   114, tx:          0, lsn: 0/030001E8, prev 0/030001C0,"
    " desc: CHECKPOINT_SHUTDOWN redo 0/30001E8; tli 1; prev tli 1; fpw true"
)
MESSAGE = (
    "rmgr: LogicalMessage len (rec/tot):     73/    73, tx:          0, lsn: 0/03000260, prev 0/030001E8,"
    ' desc: MESSAGE transactional, prefix "p"; payload (20 bytes): desc: CHECKPOINT_SHUTDOWN'
)
STOP = Record(SHUTDOWN, Lsn(0x30001E8), Lsn(0x3000260))


def test_the_last_record_is_read() -> None:
    assert last_record(f"{COMMIT}\n{CHECKPOINT}\n", SEGMENT) == STOP
    assert str(STOP) == "CHECKPOINT_SHUTDOWN at 0/30001E8"
    for text in (f"{CHECKPOINT}\n{COMMIT}\n", f"{CHECKPOINT}\n{MESSAGE}"):
        found = last_record(text, SEGMENT)
        assert found is not None
        assert found.kind != SHUTDOWN
    assert last_record("", SEGMENT) is None


@pytest.mark.parametrize(
    ("end", "start"),
    [
        ("0/3800000", "0/37FC000"),
        ("0/3001000", "0/3000000"),  # never in the segment before
        ("0/4000000", "0/3FFC000"),  # a boundary belongs to the segment that it ends
        ("0/0", "0/0"),
    ],
)
def test_reading_begins_shortly_before_the_end(end: str, start: str) -> None:
    assert read_from(Lsn.parse(end), SEGMENT) == Lsn.parse(start)
