# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a marker says, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.marker import COPYING, Marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.swap import Step

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
