# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which old directories stay."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.old_directories import sort_out


def test_what_was_moved_aside_together_stays_together(tmp_path: Path) -> None:
    paths = {}
    for name in ("data.hotstandby-old-20260101T000000", "wal.hotstandby-old-20260101T000000"):
        paths[name[:3]] = tmp_path / name
    paths["new"] = tmp_path / "data.hotstandby-old-20260202T000000"
    for path in paths.values():
        path.mkdir()
    (paths["dat"] / "PG_VERSION").touch()
    everything = sorted(map(str, paths.values()))
    assert sort_out(everything) == (everything, {})
    (paths["dat"] / "mine").touch()
    removable, kept = sort_out(everything)
    assert removable == [str(paths["new"])]
    assert kept == {
        str(paths["dat"]): "mine is not PostgreSQL's",
        str(paths["wal"]): f"{paths['dat']}: mine is not PostgreSQL's",
    }
