# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passfiles."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.passfile import (
    PassfileEntry,
    render_passfile,
)
from support.passfiles import parse_passfile

NASTY = 'it\'s "a" \\ b:c d %20 # {{ nö }}'
passfile_fields = st.text(st.characters(exclude_characters="\0\r\n", codec="utf-8"))


@given(st.lists(st.builds(PassfileEntry, *[passfile_fields] * 5)))
@example([PassfileEntry("#a", "5432", "replication", "hot standby", NASTY), PassfileEntry("", "", "", "", "\\")])
def test_a_passfile_written_and_read_again_is_the_same(entries: list[PassfileEntry]) -> None:
    assert parse_passfile(render_passfile(entries)) == entries


def test_passfile_lines() -> None:
    assert PassfileEntry("::1", "5432", "*", "a", "b:c\\d").line() == r"\:\:1:5432:*:a:b\:c\\d"
    assert parse_passfile("# comment\n\nh:1:d:u:p:rest\r\n") == [PassfileEntry("h", "1", "d", "u", "p")]


def test_a_broken_passfile_names_its_line_and_no_secret() -> None:
    with pytest.raises(ValueError, match=r"^line 2 of the passfile has 2 fields, not 5$"):
        parse_passfile("h:1:d:u:p\nsecret:oops\n")


@pytest.mark.parametrize("password", ["a\nb", "a\rb", "a\0b"])
def test_what_a_passfile_cannot_hold_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="line break or a zero byte"):
        PassfileEntry("h", "1", "d", "u", password).line()


def test_a_passfile_entry_does_not_show_its_password() -> None:
    assert "secret" not in repr(PassfileEntry("h", "1", "d", "u", "secret"))
