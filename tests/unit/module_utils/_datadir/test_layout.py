# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a clone goes, as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir import layout
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.layout import Place
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import contents

STAMP = "20261122T143211"


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
        ((), False, contents.ABSENT),
        (("lost+found",), False, contents.ABSENT),
        (("pgsql_tmp.hotstandby-clone", "pgsql_tmp.hotstandby-marker", "lost+found"), False, contents.ABSENT),
        ((f"pgsql_tmp.hotstandby-old-{STAMP}",), False, contents.ABSENT),
        (("PG_VERSION", "global", "base"), True, contents.CLUSTER),
        (("PG_VERSION", "global", "pgsql_tmp.hotstandby-clone"), True, contents.CLUSTER),
        (("PG_VERSION", "base"), False, contents.WRECK),
        (("backup_label", "base"), False, contents.WRECK),
        (("base",), False, contents.OTHER),
        (("precious.txt",), False, contents.OTHER),
        (("pgsql_tmp.else",), False, contents.OTHER),
        (("global",), True, contents.OTHER),
    ],
)
def test_content(entries: tuple[str, ...], control: bool, content: str) -> None:
    assert layout.content_of(entries, control) == content
