# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What synchronous_standby_names asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.synchronous import (
    SynchronousNames,
    waiting_commits,
)

PARSED: dict[str, tuple[int, tuple[str, ...]]] = {
    "": (0, ()),
    "  ": (0, ()),
    "*": (1, ("*",)),
    "s1": (1, ("s1",)),
    "s1, s2": (1, ("s1", "s2")),
    '"db-1","db-2"': (1, ("db-1", "db-2")),
    '"say ""hi""", s2': (1, ('say "hi"', "s2")),
    '"a, (b)"': (1, ("a, (b)",)),
    "2 (s1, s2, s3)": (2, ("s1", "s2", "s3")),
    "FIRST 1 (s1)": (1, ("s1",)),
    "any 2(*)": (2, ("*",)),
    'ANY 1 ("db-1", "db-2")': (1, ("db-1", "db-2")),
    "first, s2": (1, ("first", "s2")),
    "10": (1, ("10",)),
}


@pytest.mark.parametrize("text", PARSED)
def test_what_a_value_asks_for(text: str) -> None:
    assert SynchronousNames.parse(text) == SynchronousNames(*PARSED[text])


@given(st.integers(1, 99), st.lists(st.text(min_size=1), min_size=1), st.sampled_from(["", "FIRST ", "ANY "]))
def test_whatever_the_names_are(needed: int, names: list[str], method: str) -> None:
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    assert SynchronousNames.parse(f"{method}{needed} ({quoted})") == SynchronousNames(needed, tuple(names))
    assert SynchronousNames.parse(quoted) == SynchronousNames(1, tuple(names))


@pytest.mark.parametrize(
    ("setting", "standbys", "present"),
    [
        ("", (), None),
        ("*", ("s1",), None),
        ("s1", ("S1",), None),
        ("ANY 2 (s1, s2, s3)", ("s1", "s3"), None),
        ("*", (), "none"),
        ("s1", ("s2", "s3"), "none"),
        ("FIRST 2 (s1, s2)", ("s2", "s3"), "s2"),
        ("3 (*)", ("s2", "s3"), "s2 and s3"),
    ],
)
def test_when_commits_wait(setting: str, standbys: tuple[str, ...], present: str | None) -> None:
    why = waiting_commits(setting, standbys)
    if present is None:
        assert why is None
    else:
        assert why is not None
        assert repr(setting) in why
        assert why.endswith(f"there is {present}")
