# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What salvaged WAL has replaced goes when nobody can need it any more, and nothing else goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.replaced_wal import (
    REPLACED,
    find_replaced,
    forget_replaced,
    is_forgettable,
)

NAME = "000000020000000000000005"


@pytest.mark.parametrize(
    ("name", "timeline", "expected"),
    [
        (NAME, 3, True),
        (f"{NAME}.1", 3, True),
        (NAME, None, True),
        (NAME, 2, False),  # of the timeline that goes on
        (NAME, 1, False),
        (f"{NAME}.partial", 3, False),
        (f"x{NAME}", None, False),
        ("00000002.history", 3, False),
        ("notes", None, False),
    ],
)
def test_only_segments_of_timelines_that_have_ended(name: str, timeline: int | None, expected: bool) -> None:
    assert is_forgettable(name, timeline) == expected


def test_what_is_no_segment_stays(tmp_path: Path) -> None:
    wal = tmp_path / "pg_wal"
    kept = wal / REPLACED
    assert forget_replaced(str(wal)) == 0
    assert find_replaced(str(tmp_path)) == []
    kept.mkdir(parents=True)
    assert find_replaced(str(tmp_path)) == [str(kept)]
    treasure = tmp_path / "treasure"
    treasure.write_text("x")
    (kept / NAME).write_text("x")
    (kept / f"{NAME}.1").symlink_to(treasure)
    (kept / NAME.replace("2", "3", 1)).write_text("x")
    assert forget_replaced(str(wal), 3) == 1
    assert sorted(path.name for path in kept.iterdir()) == [f"{NAME}.1", NAME.replace("2", "3", 1)]
    assert treasure.exists()
    (kept / f"{NAME}.1").unlink()
    assert forget_replaced(str(wal)) == 1
    assert not kept.exists()
    kept.symlink_to(tmp_path)
    assert find_replaced(str(tmp_path)) == []
