# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swap of a clone, cut off after every step, on real directories."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import swap
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    find_asides,
    find_wreck,
    pending_steps,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING, Marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import (
    carry_out,
    remove_aside,
    save_marker,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.swap import Piece, Step
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from support.swaps import STAMP, Scene

NAMES = ("PG_VERSION", "base", "global", "postgresql.conf", "standby.signal")


def test_order_inside() -> None:
    """Taken apart from global/ on and put together up to it: no server starts on a half."""
    steps = swap.swap_steps(Piece(Place("/d", inside=True), NAMES, NAMES), (), STAMP)
    moved = [Path(step.source).name for step in steps if step.kind == swap.OUT]
    assert (moved[0], moved[-1]) == ("global", "PG_VERSION")
    moved = [Path(step.source).name for step in steps if step.kind == swap.IN]
    assert (moved[0], moved[-1]) == ("PG_VERSION", "global")
    kinds = [step.kind for step in steps]
    assert (kinds[0], kinds[-1]) == (swap.MAKE, swap.REMOVE)


def test_nothing_to_move_aside() -> None:
    steps = swap.swap_steps(Piece(Place("/d"), (), NAMES), (), STAMP)
    assert steps == (Step(swap.IN, "/d.hotstandby-clone", "/d"),)


def test_data_directory_leaves_first_and_comes_last() -> None:
    wal = Piece(Place("/w"), ("000000010000000000000001",), ("000000010000000000000002",), "pg_wal")
    steps = swap.swap_steps(Piece(Place("/d"), NAMES, NAMES), [wal], STAMP)
    old = f".hotstandby-old-{STAMP}"
    assert steps == (
        Step(swap.OUT, "/d", f"/d{old}"),
        Step(swap.LINK, f"/w{old}", f"/d{old}/pg_wal"),
        Step(swap.OUT, "/w", f"/w{old}"),
        Step(swap.IN, "/w.hotstandby-clone", "/w"),
        Step(swap.IN, "/d.hotstandby-clone", "/d"),
    )


@given(st.integers(0, 12), st.integers(0, 12))
def test_pending_starts_after_the_last_done(length: int, last: int) -> None:
    steps = tuple(Step(swap.OUT, str(number), "") for number in range(length))
    done = {last} if last < length else set()
    assert swap.pending(steps, done) == (steps[last + 1 :] if done else steps)


@pytest.mark.parametrize("inside", [False, True])
def test_swap_cut_off_after_every_step(tmp_path: Path, inside: bool) -> None:
    """Whatever was done, the rest can be done; until then it is a wreck that no server can start."""
    count = len(Scene(tmp_path / "count", inside).steps())
    assert count > 5
    for cut in range(count + 1):
        scene = Scene(tmp_path / str(cut), inside)
        steps = scene.steps()
        marker = Marker(COPYING, "then", "there", "7", ()).swapping(steps, (), True)
        save_marker(scene.data, marker)
        carry_out(steps[:cut])
        assert pending_steps(marker) == steps[cut:]
        wreck = find_wreck(scene.data.directory)
        assert (wreck is None) == (cut == count), (cut, wreck)
        if 1 + inside <= cut < count - inside:
            assert not (Path(scene.data.directory) / "global" / "pg_control").exists()
        carry_out(pending_steps(marker))
        scene.check(scene.data.directory, "new")
        scene.check(scene.data.aside(STAMP), "old")
        assert find_wreck(scene.data.directory) is None
        asides = [place.aside(STAMP) for place in (scene.data, scene.tablespace, scene.wal)]
        assert find_asides(scene.data.directory) == sorted(asides)
        remove_aside(asides[1])
        assert pending_steps(marker) == ()
        for path in asides[::2]:
            remove_aside(path)
        assert find_asides(scene.data.directory) == []
        scene.check(scene.data.directory, "new")


def test_nothing_in_the_way_is_overwritten(tmp_path: Path) -> None:
    scene = Scene(tmp_path, inside=False)
    steps = scene.steps()
    carry_out(steps[:-1])
    Path(scene.data.directory).mkdir()
    (Path(scene.data.directory) / "precious").touch()
    with pytest.raises(HotStandbyError, match="something is in the way") as caught:
        carry_out(steps[-1:])
    assert caught.value.name == "swap_failed"
    assert (Path(scene.data.directory) / "precious").exists()
