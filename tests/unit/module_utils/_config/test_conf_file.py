# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""postgresql.conf: what is read, and what an edit leaves alone."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import (
    HEADING,
    INCLUDE_DIRECTIVES,
    ConfFile,
    Setting,
    quote,
    unquote,
)

FILE = """\
# PostgreSQL configuration file
#port = 5432\t\t\t# (change requires restart)
listen_addresses = 'localhost'\t# what IP address(es) to listen on
Max_Connections 100
work_mem = 4MB
shared_buffers=128MB # min 128kB
include_dir = 'conf.d'
log_line_prefix = '%m [%p] it''s \\'x\\' # not a comment'   # a comment

work_mem = 8MB
broken line here = =
my_extension.level = high
"""

texts = st.text(st.characters(exclude_characters="\0"))
names = st.from_regex(r"[a-z_][a-z0-9_]{0,10}(\.[a-z_][a-z0-9_]{0,10})?", fullmatch=True).filter(
    lambda name: name not in INCLUDE_DIRECTIVES
)
files = texts | st.lists(st.sampled_from(FILE.splitlines()) | texts).map("\n".join)


@given(texts)
@example("a = 1\r\nb = 2\x0b\u2028\n")
def test_parsed_and_printed_it_is_the_same(text: str) -> None:
    assert ConfFile.parse(text).text == text
    assert ConfFile.parse(text).with_settings({}).text == text


@given(files, st.dictionaries(names, texts, max_size=4))
@example("port=1\n", {"port": "\ud800 '\\' \n\t\b"})
@example("", {"port": ""})
@example(HEADING, {"port": "1"})
def test_what_is_set_is_got(text: str, wanted: dict[str, str]) -> None:
    edited = ConfFile.parse(text).with_settings(dict(wanted))
    assert {name: edited.get(name) for name in wanted} == wanted
    assert edited.with_settings(dict(wanted)) == edited


@given(files, st.dictionaries(names, texts, max_size=4))
def test_an_edit_leaves_the_other_lines_alone(text: str, wanted: dict[str, str]) -> None:
    before = ConfFile.parse(text)
    after = before.with_settings(dict(wanted))
    assume(not any(line.startswith(HEADING) for line in text.split("\n")))
    touched = {setting.line_number - 1 for setting in before.settings() if setting.name in wanted}
    old, new = text.removesuffix("\n").split("\n") if text else [], after.text.split("\n")
    assert [line for i, line in enumerate(old) if i not in touched] == [
        line for i, line in enumerate(new[: len(old)]) if i not in touched
    ]


@given(files, names)
def test_what_is_removed_is_gone_and_nothing_else(text: str, name: str) -> None:
    before = ConfFile.parse(text + f"\n{name} = 1\nother.one = 2")
    after = before.with_settings({name: None})
    assert after.get(name) is None or name == "other.one"
    assert [setting.value for setting in after.settings()] == [
        setting.value for setting in before.settings() if setting.name != name
    ]


@given(texts)
def test_quoted_and_unquoted_it_is_the_same(value: str) -> None:
    assert unquote(quote(value)) == value
    assert "\n" not in quote(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", None),
        ("listen_addresses", "localhost"),
        ("max_connections", "100"),
        ("MAX_CONNECTIONS", "100"),
        ("work_mem", "8MB"),  # the last one counts
        ("shared_buffers", "128MB"),
        ("log_line_prefix", "%m [%p] it's 'x' # not a comment"),
        ("my_extension.level", "high"),
        ("broken", None),
    ],
)
def test_values(name: str, value: str | None) -> None:
    assert ConfFile.parse(FILE).get(name) == value


def test_includes_and_places() -> None:
    assert ConfFile.parse(FILE).includes() == (Setting("include_dir", "conf.d", 7),)
    assert ConfFile.parse(FILE).find("Work_Mem") == Setting("work_mem", "8MB", 10)
    assert ConfFile.parse("INCLUDE 'a'\ninclude_if_exists='b c'").includes() == (
        Setting("include", "a", 1),
        Setting("include_if_exists", "b c", 2),
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = 'x", None),
        ("a = 'x' y", None),
        ("a = ", None),
        ("a1 = 5", None),
        ("a'x'", "x"),
        ("a=-1", "-1"),
        ("a 1.5e3", "1.5e3"),
        ("  a\t=\t'\\101\\tb\\z' #", "A\tbz"),
        ("a = x#y", "x"),
        ("a = 0x1F\r", "0x1F"),
    ],
)
def test_grammar(text: str, value: str | None) -> None:
    assert ConfFile.parse(text).get("a") == value


def changed_lines(wanted: dict[str, str | None], text: str = FILE) -> list[str]:
    after = ConfFile.parse(text).with_settings(wanted).text
    diff = difflib.ndiff(text.splitlines(), after.splitlines())
    return [line for line in diff if line[0] in "+-"]


def test_the_line_that_counts_is_edited_and_keeps_its_comment() -> None:
    assert changed_lines({"listen_addresses": "*", "work_mem": "16MB", "shared_buffers": "1GB"}) == [
        "- listen_addresses = 'localhost'\t# what IP address(es) to listen on",
        "+ listen_addresses = '*'\t# what IP address(es) to listen on",
        "- shared_buffers=128MB # min 128kB",
        "+ shared_buffers=1GB # min 128kB",
        "- work_mem = 8MB",
        "+ work_mem = 16MB",
    ]


def test_a_value_without_a_gap_gets_one() -> None:
    assert ConfFile.parse("a'x'# y").with_settings({"a": "1"}).text == "a 1# y"


def test_new_settings_go_below_one_heading() -> None:
    once = ConfFile.parse("a = 1").with_settings({"B": "x y", "c": "on"})
    assert once.text == f"a = 1\n\n{HEADING}\nb = 'x y'\nc = on\n"
    assert once.with_settings({"d": "1"}).text == f"{once.text}d = 1\n"
    assert ConfFile.parse("").with_settings({"a": "1"}).text == f"{HEADING}\na = 1\n"


def test_a_line_of_the_user_is_commented_out_and_one_of_ours_dropped() -> None:
    assert changed_lines({"shared_buffers": None, "port": None}) == [
        "- shared_buffers=128MB # min 128kB",
        "+ #shared_buffers=128MB # min 128kB",
    ]
    assert changed_lines({"work_mem": None}) == [
        "- work_mem = 4MB",
        "+ #work_mem = 4MB",
        "- work_mem = 8MB",
        "+ #work_mem = 8MB",
    ]
    assert changed_lines({"a": None}, f"{HEADING}\na = 1\nb = 2\n") == ["- a = 1"]


@pytest.mark.parametrize("name", ["", "1a", "a b", "a.", "include", "Include_Dir", "a=b", "a\n"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a setting"):
        ConfFile.parse(FILE).with_settings({name: "1"})


def test_a_zero_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="zero byte"):
        ConfFile.parse(FILE).with_settings({"a": "x\0y"})
