# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sentences that an operator reads."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError


@pytest.mark.parametrize(
    ("message", "hint", "wanted"),
    [
        ("no server runs", "Start it", "no server runs. Start it."),
        ("no server runs.", "Start it.", "no server runs. Start it."),
        ("no server runs", "", "no server runs."),
        ("no answer:\n\tIs the server running?", "Start it", "no answer: Is the server running? Start it."),
    ],
)
def test_one_line_of_whole_sentences(message: str, hint: str, wanted: str) -> None:
    assert str(HotStandbyError("name", message, hint)) == wanted
