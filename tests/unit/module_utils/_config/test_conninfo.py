# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection strings."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conninfo import build, hide_password, parse

NASTY = 'it\'s "a" \\ b:c d %20 # {{ nö }}'
keywords = st.from_regex(r"[a-z_][a-z0-9_]{0,15}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@given(st.dictionaries(keywords, values))
@example({"password": NASTY, "host": "", "dbname": "\\", "user": "\u00a0 \u2028"})
def test_built_and_read_again_it_is_the_same(parameters: dict[str, str]) -> None:
    assert parse(build(parameters)) == parameters


def test_parameters_that_are_none_are_left_out() -> None:
    assert build({"host": "a", "port": 5432, "user": None}) == "host=a port=5432"


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("", {}),
        ("  \n", {}),
        ("host=a port = 5432\tdbname= x ", {"host": "a", "port": "5432", "dbname": "x"}),
        (r"password='a\'b\\c d' user=x\ y", {"password": r"a'b\c d", "user": "x y"}),
        ("host='a'port=1", {"host": "a", "port": "1"}),
        ("host=a host=b", {"host": "b"}),
        ("password=", {"password": ""}),
        ("password= host=a", {"password": "host=a"}),
        ("options=-c\\\\ x=it's", {"options": "-c\\", "x": "it's"}),
        (
            "postgresql://me:p%40ss@one:1,[::1]:2/db?application_name=n%201&sslmode=require",
            {
                "user": "me",
                "password": "p@ss",
                "host": "one,::1",
                "port": "1,2",
                "dbname": "db",
                "application_name": "n 1",
                "sslmode": "require",
            },
        ),
        ("postgres:///db?host=/tmp", {"dbname": "db", "host": "/tmp"}),
    ],
)
def test_reading(text: str, parameters: dict[str, str]) -> None:
    assert parse(text) == parameters


@pytest.mark.parametrize(
    "text", ["host", "secret-in-here =", "password='secret-in-here", "host=a b", "=secret-in-here"]
)
def test_malformed_strings_are_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="malformed") as refusal:
        parse(text + ("'" if text.endswith("=") else ""))
    assert "secret-in-here" not in str(refusal.value)


@pytest.mark.parametrize("parameters", [{"Host": "a"}, {"a b": "c"}, {"": "x"}, {"host": "a\0b"}])
def test_what_libpq_cannot_take_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"keyword|zero byte"):
        build(parameters)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("host=a user=b", "host=a user=b"),
        ("host=a password='b c' user=d", "host=a password=******** user=d"),
        ("postgresql://u:secret@h/db", "user=u password=******** host=h dbname=db"),
        ("host=a password='secret", "********"),
    ],
)
def test_passwords_are_hidden(text: str, shown: str) -> None:
    assert hide_password(text) == shown
