# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Only directories of ours are cleared and removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING, Marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import clear, remove_aside
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

STAMP = "20261122T143211"


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
