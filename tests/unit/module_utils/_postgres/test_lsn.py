# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Positions in the WAL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import LAST_POSITION, Lsn

positions = st.integers(0, LAST_POSITION)
MEGABYTE = 1024 * 1024


@given(positions)
def test_printed_and_read_again_it_is_the_same(value: int) -> None:
    assert Lsn.parse(str(Lsn(value))) == Lsn(value)


@given(positions, positions)
def test_order_and_distance_are_those_of_the_numbers(left: int, right: int) -> None:
    assert (Lsn(left) < Lsn(right)) == (left < right)
    assert Lsn(left) - Lsn(right) == left - right
    assert Lsn(min(left, right)) + abs(left - right) == Lsn(max(left, right))
    assert Lsn(max(left, right)) - abs(left - right) == Lsn(min(left, right))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0/0", 0), ("0/3000060", 0x3000060), ("1/0", 2**32), ("16/b374d848", 0x16B374D848), (" 0/1 ", 1)],
)
def test_notation(text: str, value: int) -> None:
    assert Lsn.parse(text).value == value


@pytest.mark.parametrize("text", ["", "0", "0/", "/1", "0/123456789", "0/xyz", "-1/0", "0/1/2", "0x1/2"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an LSN"):
        Lsn.parse(text)


@pytest.mark.parametrize("value", [-1, LAST_POSITION + 1])
def test_no_position_outside_of_64_bits(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        Lsn(value)


def test_optional() -> None:
    assert Lsn.from_optional(None) is None
    assert Lsn.from_optional("") is None
    assert Lsn.from_optional("0/1") == Lsn(1)


# the names were given by pg_walfile_name on PostgreSQL 15, where it does not stand on a boundary
@pytest.mark.parametrize(
    ("lsn", "timeline", "size", "name", "start"),
    [
        ("0/3000060", 1, 16 * MEGABYTE, "000000010000000000000003", "0/3000000"),
        ("0/3000000", 2, 16 * MEGABYTE, "000000020000000000000003", "0/3000000"),
        ("1/FF000001", 31, 16 * MEGABYTE, "0000001F00000001000000FF", "1/FF000000"),
        ("1/FF000001", 1, MEGABYTE, "000000010000000100000FF0", "1/FF000000"),
        ("2/C0000001", 1, 1024 * MEGABYTE, "000000010000000200000003", "2/C0000000"),
    ],
)
def test_segments(lsn: str, timeline: int, size: int, name: str, start: str) -> None:
    assert Lsn.parse(lsn).wal_file_name(timeline, size) == name
    assert str(Lsn.parse(lsn).segment_start(size)) == start
