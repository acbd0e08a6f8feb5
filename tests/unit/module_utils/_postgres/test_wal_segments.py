# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WAL segment files: their names and their first bytes."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_segments import (
    HEADER_BYTES,
    Header,
    Segment,
    flaw,
    newest_timeline,
    segment_named,
    segments_between,
)

MIB = 1024 * 1024
SIZE = 16 * MIB
SYSTEM = "7445566778899001122"
FIVE = Segment("000000020000000000000005", Lsn.parse("0/5000000"), SIZE)
GOOD = Header(2, FIVE.start, SYSTEM, SIZE)


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [
        ("0/5000110", "0/5000110", []),
        ("0/5000110", "0/4000000", []),
        ("0/5000110", "0/5000118", [5]),
        ("0/5000110", "0/6000000", [5]),  # a position on a boundary is the end of the segment before
        ("0/5000110", "0/6000001", [5, 6]),
        ("0/5000000", "0/7000028", [5, 6, 7]),
    ],
)
def test_the_segments_from_one_position_to_another(start: str, end: str, numbers: list[int]) -> None:
    found = segments_between(2, Lsn.parse(start), Lsn.parse(end), SIZE)
    assert [segment.name for segment in found] == [f"00000002{number:016X}" for number in numbers]


@given(st.integers(0, 2**50), st.sampled_from([1, 16, 64, 1024]), st.integers(1, 2**31))
def test_a_name_leads_back_to_its_segment(position: int, mib: int, timeline: int) -> None:
    start = Lsn(position)
    segment = segments_between(timeline, start, start + 1, mib * MIB)[0]
    assert segment_named(segment.name, timeline, mib * MIB) == segment
    assert segment_named(segment.name, timeline + 1, mib * MIB) is None


@pytest.mark.parametrize(
    "name",
    [
        "00000002.history",
        "000000020000000000000005.partial",
        "00000002000000000000000g",
        "000000020000000000000100",  # 256 segments of 16 MiB have another number
        "00000002FFFFFFFFFFFFFFFF",
        "",
    ],
)
def test_what_is_no_name_of_a_segment(name: str) -> None:
    assert segment_named(name, 2, SIZE) is None


def test_the_newest_timeline() -> None:
    assert newest_timeline(["archive_status", "00000009.history", "000000010000000000000002", FIVE.name]) == 2
    assert newest_timeline(["archive_status"]) == 0


@pytest.mark.parametrize(
    ("position", "count"), [("0/4000000", 0), ("0/5000000", 0), ("0/5000010", 16), ("0/6000000", SIZE), ("1/0", SIZE)]
)
def test_how_much_of_it_lies_before_a_position(position: str, count: int) -> None:
    assert FIVE.before(Lsn.parse(position)) == count


def test_the_first_page() -> None:
    page = struct.pack("=HHIQIIQII", 0xD110, 7, 2, FIVE.start.value, 33, 0, int(SYSTEM), SIZE, 8192)
    assert len(page) == HEADER_BYTES
    assert Header.parse(page + b"more") == GOOD
    assert Header.parse(page[:-1]) is None
    assert Header.parse(struct.pack("=HHIQIIQII", 0xD110, 5, 2, FIVE.start.value, 33, 0, 1, 2, 3)) is None
    assert Header.parse(bytes(HEADER_BYTES)) is None


def test_a_good_file_has_no_flaw() -> None:
    assert flaw(FIVE, GOOD, SIZE, 2, SYSTEM) is None
    assert flaw(FIVE, replace(GOOD, timeline=1), SIZE, 2, SYSTEM) is None


@pytest.mark.parametrize(
    ("header", "length", "told"),
    [
        (GOOD, SIZE - 1, "bytes and not"),
        (None, SIZE, "does not begin like"),
        (replace(GOOD, start=Lsn.parse("0/2000000")), SIZE, "from 0/2000000 on"),
        (replace(GOOD, system_identifier="1"), SIZE, "cluster 1"),
        (replace(GOOD, segment_size=MIB), SIZE, "for segments of"),
        (replace(GOOD, timeline=3), SIZE, "of timeline 3"),
        (replace(GOOD, timeline=0), SIZE, "of timeline 0"),
    ],
)
def test_the_flaws_of_a_file(header: Header | None, length: int, told: str) -> None:
    found = flaw(FIVE, header, length, 2, SYSTEM)
    assert found is not None
    assert told in found
