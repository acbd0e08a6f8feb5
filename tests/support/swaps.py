# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap is tried on: a cluster, and a finished clone beside it, on real directories."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout, swap
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.swap import Piece, Step
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import set_link

STAMP = "20261122T143211"


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
        return swap.swap_steps(Piece(self.data, entries, entries), linked, STAMP)

    def check(self, directory: str, generation: str) -> None:
        """The cluster in the directory is wholly of one generation, as far as its links lead."""
        data = Path(directory)
        for name in ("PG_VERSION", "global/pg_control", "pg_wal/0001", "pg_tblspc/16400/PG_15_1/t"):
            assert (data / name).read_text() == generation, name
