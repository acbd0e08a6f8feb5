# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a clone goes, as tables; and the swap, cut off after every step, on real directories."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import (
    find_asides,
    find_wreck,
    pending_steps,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Piece, Place, Step
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING, Marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import (
    carry_out,
    clear,
    remove_aside,
    save_marker,
    set_link,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

STAMP = "20261122T143211"
OTHER_STAMP = "20261122T143212"


@pytest.mark.parametrize(
    ("place", "side", "aside"),
    [
        (Place("/pg/main"), "/pg/main.hotstandby-clone", f"/pg/main.hotstandby-old-{STAMP}"),
        (
            Place("/pg/main", inside=True),
            "/pg/main/pgsql_tmp.hotstandby-clone",
            f"/pg/main/pgsql_tmp.hotstandby-old-{STAMP}",
        ),
        (
            Place("/ts", inside=True, tag="-0123abcd"),
            "/ts/pgsql_tmp.hotstandby-clone-0123abcd",
            f"/ts/pgsql_tmp.hotstandby-old-{STAMP}-0123abcd",
        ),
    ],
)
def test_places(place: Place, side: str, aside: str) -> None:
    assert (place.side, place.aside(STAMP)) == (side, aside)
    assert layout.looks_like_side(side)
    assert layout.looks_like_aside(aside)
    assert place.is_aside(Path(aside).name)
    assert not layout.looks_like_side(aside)
    assert not layout.looks_like_aside(side)


@pytest.mark.parametrize(
    "name",
    [
        "main",
        "main.hotstandby-old",
        "main.hotstandby-old-",
        "main.hotstandby-old-2026",
        f"main.hotstandby-old-{STAMP}.tar",
        f"main2.hotstandby-old-{STAMP}",
        f"main.hotstandby-old-{STAMP}-0123abcd",
    ],
)
def test_what_is_no_aside_of_main(name: str) -> None:
    assert not Place("/pg/main").is_aside(name)


def test_clusters_that_share_a_location_do_not_see_each_other() -> None:
    one, other = (layout.tablespace_place("/ts", directory) for directory in ("/pg/15", "/pg/17"))
    assert one.side != other.side
    assert not one.is_aside(Path(other.aside(STAMP)).name)


@pytest.mark.parametrize(
    ("entries", "control", "content"),
    [
        ((), False, layout.ABSENT),
        (("lost+found",), False, layout.ABSENT),
        (("pgsql_tmp.hotstandby-clone", "pgsql_tmp.hotstandby-marker", "lost+found"), False, layout.ABSENT),
        ((f"pgsql_tmp.hotstandby-old-{STAMP}",), False, layout.ABSENT),
        (("PG_VERSION", "global", "base"), True, layout.CLUSTER),
        (("PG_VERSION", "global", "pgsql_tmp.hotstandby-clone"), True, layout.CLUSTER),
        (("PG_VERSION", "base"), False, layout.WRECK),
        (("backup_label", "base"), False, layout.WRECK),
        (("base",), False, layout.OTHER),
        (("precious.txt",), False, layout.OTHER),
        (("pgsql_tmp.else",), False, layout.OTHER),
        (("global",), True, layout.OTHER),
    ],
)
def test_content(entries: tuple[str, ...], control: bool, content: str) -> None:
    assert layout.content_of(entries, control) == content


NAMES = ("PG_VERSION", "base", "global", "postgresql.conf", "standby.signal")


def test_order_inside() -> None:
    """Taken apart from global/ on and put together up to it: no server starts on a half."""
    steps = layout.swap_steps(Piece(Place("/d", inside=True), NAMES, NAMES), (), STAMP)
    moved = [Path(step.source).name for step in steps if step.kind == layout.OUT]
    assert (moved[0], moved[-1]) == ("global", "PG_VERSION")
    moved = [Path(step.source).name for step in steps if step.kind == layout.IN]
    assert (moved[0], moved[-1]) == ("PG_VERSION", "global")
    kinds = [step.kind for step in steps]
    assert (kinds[0], kinds[-1]) == (layout.MAKE, layout.REMOVE)


def test_nothing_to_move_aside() -> None:
    steps = layout.swap_steps(Piece(Place("/d"), (), NAMES), (), STAMP)
    assert steps == (Step(layout.IN, "/d.hotstandby-clone", "/d"),)


def test_data_directory_leaves_first_and_comes_last() -> None:
    wal = Piece(Place("/w"), ("000000010000000000000001",), ("000000010000000000000002",), "pg_wal")
    steps = layout.swap_steps(Piece(Place("/d"), NAMES, NAMES), [wal], STAMP)
    old = f".hotstandby-old-{STAMP}"
    assert steps == (
        Step(layout.OUT, "/d", f"/d{old}"),
        Step(layout.LINK, f"/w{old}", f"/d{old}/pg_wal"),
        Step(layout.OUT, "/w", f"/w{old}"),
        Step(layout.IN, "/w.hotstandby-clone", "/w"),
        Step(layout.IN, "/d.hotstandby-clone", "/d"),
    )


@given(st.integers(0, 12), st.integers(0, 12))
def test_pending_starts_after_the_last_done(length: int, last: int) -> None:
    steps = tuple(Step(layout.OUT, str(number), "") for number in range(length))
    done = {last} if last < length else set()
    assert layout.pending(steps, done) == (steps[last + 1 :] if done else steps)


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(TEXT, st.lists(st.tuples(TEXT, TEXT, TEXT)), st.booleans())
def test_marker_round_trip(text: str, steps: list[tuple[str, str, str]], verified: bool) -> None:
    marker = Marker(COPYING, text, text, "7", (text,), (text,))
    assert Marker.parse(marker.text()) == marker
    swapping = marker.swapping([Step(*step) for step in steps], [text], verified)
    assert Marker.parse(swapping.text()) == swapping


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"phase": "copying"}'])
def test_what_is_no_marker(text: str) -> None:
    with pytest.raises(ValueError, match="not a marker"):
        Marker.parse(text)


class Scene:
    """A cluster with its WAL and a tablespace elsewhere, and a finished clone in the side directories."""

    def __init__(self, root: Path, inside: bool) -> None:
        self.data = Place(str(root / "data"), inside)
        self.wal = Place(str(root / "wal"), inside)
        self.tablespace = layout.tablespace_place(str(root / "ts"), self.data.directory)
        places = (self.data, self.wal, self.tablespace)
        for generation, directories in (
            ("old", [place.directory for place in places]),
            ("new", [place.side for place in places]),
        ):
            self._cluster(generation, *map(Path, directories))

    def _cluster(self, generation: str, data: Path, wal: Path, tablespace: Path) -> None:
        (data / "global").mkdir(parents=True)
        (data / "pg_tblspc").mkdir()
        wal.mkdir(exist_ok=True)
        (tablespace / "PG_15_1").mkdir(parents=True)
        for path in (data / "PG_VERSION", data / "global" / "pg_control", wal / "0001", tablespace / "PG_15_1" / "t"):
            path.write_text(generation)
        set_link(str(data / "pg_wal"), self.wal.directory)
        set_link(str(data / "pg_tblspc" / "16400"), self.tablespace.directory)

    def steps(self) -> tuple[Step, ...]:
        entries = ("PG_VERSION", "global", "pg_tblspc", "pg_wal")
        linked = [
            Piece(self.wal, ("0001",), ("0001",), "pg_wal"),
            Piece(self.tablespace, ("PG_15_1",), ("PG_15_1",), "pg_tblspc/16400"),
        ]
        return layout.swap_steps(Piece(self.data, entries, entries), linked, STAMP)

    def check(self, directory: str, generation: str) -> None:
        """The cluster in the directory is wholly of one generation, as far as its links lead."""
        data = Path(directory)
        for name in ("PG_VERSION", "global/pg_control", "pg_wal/0001", "pg_tblspc/16400/PG_15_1/t"):
            assert (data / name).read_text() == generation, name


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


@pytest.mark.parametrize("name", ["data", "data.hotstandby", "clone", f"data.hotstandby-old-{STAMP}"])
def test_only_side_directories_are_cleared(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.mkdir()
    with pytest.raises(HotStandbyError) as caught:
        clear(None, [str(path)])
    assert caught.value.name == "not_ours"
    assert path.exists()


def test_only_aside_directories_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "data.hotstandby-clone"
    path.mkdir()
    with pytest.raises(HotStandbyError) as caught:
        remove_aside(str(path))
    assert caught.value.name == "not_ours"
    assert path.exists()


def test_clearing_does_not_follow_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    side = tmp_path / "data.hotstandby-clone"
    side.mkdir()
    (side / "pg_wal").symlink_to(outside)
    marker = Marker(COPYING, "then", "there", "7", (), (str(tmp_path / "made"), str(outside)))
    (tmp_path / "made").mkdir()
    assert clear(marker, [str(side)]) == [str(side)]
    assert not (tmp_path / "made").exists()
    assert (outside / "precious").exists()


def test_a_cut_off_copy_beside_a_whole_cluster_is_no_wreck(tmp_path: Path) -> None:
    scene = Scene(tmp_path, inside=False)
    save_marker(scene.data, Marker(COPYING, "then", "there", "7", (scene.data.side,)))
    assert find_wreck(scene.data.directory) is None
    (Path(scene.data.directory) / "global" / "pg_control").unlink()
    assert "pg_control is missing" in str(find_wreck(scene.data.directory))


def test_an_unreadable_marker_is_named(tmp_path: Path) -> None:
    scene = Scene(tmp_path, inside=False)
    Path(scene.data.marker).write_text("{")
    assert scene.data.marker in str(find_wreck(scene.data.directory))


def test_old_asides_of_another_day_are_found(tmp_path: Path) -> None:
    """One that was cloned beside while it is a mount point now, and one whose tablespace is no longer in use."""
    data, tablespace = tmp_path / "data", tmp_path / "ts"
    inside = Path(Place(str(data), inside=True).aside(STAMP))
    beside = Path(Place(str(data)).aside(OTHER_STAMP))
    moved = Path(layout.tablespace_place(str(tablespace), str(data)).aside(OTHER_STAMP))
    for path in (inside, beside / "pg_tblspc", moved):
        path.mkdir(parents=True)
    (beside / "pg_tblspc" / "1").symlink_to(moved)
    (beside / "pg_tblspc" / "2").symlink_to(tablespace)
    assert find_asides(str(data)) == sorted(map(str, (inside, beside, moved)))
