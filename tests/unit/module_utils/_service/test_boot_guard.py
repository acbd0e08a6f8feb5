# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the boot guard says in the journal."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.boot_guard import refusal_in


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        ("", ""),
        ("Starting\nboot guard: not started: because\nControl process exited", "boot guard: not started: because"),
        ("boot guard: not started: because\nboot guard: started: alone\nFATAL: out of memory", ""),
        ("boot guard: not started: long ago\n" + "line\n" * 8, ""),
    ],
)
def test_refusal_in_a_journal(journal: str, expected: str) -> None:
    assert refusal_in(journal) == expected
