# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long copy is, as text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import (
    KINDS,
    LENGTH,
    MOST_BYTES,
    Progress,
)

COUNTS = st.integers(0, MOST_BYTES - 1)


@given(st.builds(Progress, st.sampled_from(KINDS), COUNTS, COUNTS, st.floats(0.1, 1e8)))
def test_there_and_back(progress: Progress) -> None:
    text = progress.to_text()
    assert len(text) == LENGTH
    assert Progress.from_text(text) == progress


GOOD = {"kind": "clone", "done_bytes": 1, "total_bytes": 2, "seconds": 3.0}


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", "{}", "[" * LENGTH, '{"kind": "clone"}', Progress("clone", 1, 2, 3.0).to_text()[:20]],
)
def test_what_is_not_whole_is_nothing(text: str) -> None:
    assert Progress.from_text(text) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "\x1b[31mrm"),
        ("kind", ["clone"]),
        ("done_bytes", -1),
        ("done_bytes", "many"),
        ("done_bytes", 2**63),
        ("total_bytes", None),
        ("total_bytes", float("inf")),
        ("seconds", 0),
        ("seconds", float("nan")),
        ("seconds", "x"),
    ],
)
def test_what_nobody_would_write_is_nothing(name: str, value: Any) -> None:
    """The account that controls the file's directory may write anything, and the operator's terminal shows it."""
    assert Progress.from_text(json.dumps(GOOD)) is not None
    assert Progress.from_text(json.dumps({**GOOD, name: value})) is None
