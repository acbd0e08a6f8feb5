# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies beside a data directory, and whether it is whole."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_asides, find_wreck
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING, Marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import save_marker
from support.swaps import STAMP, Scene

OTHER_STAMP = "20261122T143212"


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
