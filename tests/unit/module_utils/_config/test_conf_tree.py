# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which configuration is read, and what beats the main file."""

from __future__ import annotations

import os.path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import (
    Files,
    Kind,
    Occurrence,
    override_error,
    overriding,
    read_tree,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

MAIN = "/pg/postgresql.conf"
AUTO = "/pg/postgresql.auto.conf"


def files(texts: dict[str, str]) -> Files:
    """A made-up disk; the order of names in a directory is that of nobody's locale."""
    return Files(
        texts.get,
        lambda directory: [os.path.basename(path) for path in texts if os.path.dirname(path) == directory],
    )


def found(text: str, texts: dict[str, str]) -> list[tuple[str, str, int]]:
    return [(o.value, o.file, o.line_number) for o in read_tree(MAIN, text, files(texts)) if o.name == "a"]


def test_includes_are_read_in_their_place() -> None:
    texts = {
        "/pg/x.conf": "a = 2\ninclude 'sub/y.conf'\na = 4",
        "/pg/sub/y.conf": "a = 3\ninclude_if_exists 'missing'",
        "/etc/b.conf": "a = 7",
        "/etc/B.conf": "a = 6",
        "/etc/.hidden.conf": "a = 99",
        "/etc/other.txt": "a = 99",
    }
    assert found("a = 1\nInclude = 'x.conf'\na = 5\ninclude_dir '/etc'\ninclude_dir 'none'\na = 8", texts) == [
        ("1", MAIN, 1),
        ("2", "/pg/x.conf", 1),
        ("3", "/pg/sub/y.conf", 1),
        ("4", "/pg/x.conf", 3),
        ("5", MAIN, 3),
        ("6", "/etc/B.conf", 1),
        ("7", "/etc/b.conf", 1),
        ("8", MAIN, 6),
    ]


def test_a_missing_include_is_named() -> None:
    with pytest.raises(HotStandbyError, match=r"postgresql\.conf line 2 includes /pg/x\.conf") as refusal:
        found("\ninclude 'x.conf'", {})
    assert refusal.value.name == "missing_include"


def test_a_circle_is_named() -> None:
    with pytest.raises(HotStandbyError, match="more than 10 levels deep") as refusal:
        found("include 'x.conf'", {"/pg/x.conf": "include 'x.conf'"})
    assert refusal.value.name == "endless_include"


def line(value: str, file: str = MAIN, name: str = "a") -> Occurrence:
    return Occurrence(name, value, file, 1)


@pytest.mark.parametrize(
    ("occurrences", "wanted", "winners"),
    [
        ([line("1GB")], {"a": "1GB"}, []),
        ([line("1GB"), line("2GB", AUTO)], {"a": "1GB"}, [line("2GB", AUTO)]),
        ([line("2GB", "/x"), line("1GB")], {"a": "1GB"}, []),
        ([line("1GB"), line("2GB", "/x"), line("3GB", "/y")], {"a": "1GB"}, [line("3GB", "/y")]),
        ([line("1GB"), line("1024MB", AUTO)], {"a": "1GB"}, []),
        ([line("1GB"), line("1048576", AUTO)], {"a": "1GB"}, []),
        ([line("1GB"), line("1024", AUTO)], {"a": "1GB"}, [line("1024", AUTO)]),
        ([line("1", AUTO, "b")], {"a": "1GB"}, []),
        # null: nobody may set it
        ([line("1GB", AUTO)], {"a": None}, [line("1GB", AUTO)]),
        ([], {"a": None}, []),
    ],
)
def test_what_beats_the_main_file(
    occurrences: list[Occurrence], wanted: dict[str, str | None], winners: list[Occurrence]
) -> None:
    assert overriding(occurrences, MAIN, wanted, {"a": Kind("integer", "kB")}) == winners


@pytest.mark.parametrize(
    ("winner", "wanted", "parts"),
    [
        (line("1", AUTO), "2", ["a in /pg/postgresql.conf would have no effect", "ALTER SYSTEM RESET a"]),
        (line("1", "/x"), "2", ["/x line 1 sets it too", "Remove that line"]),
        (line("1", "/x"), None, ["/x line 1 keeps a set", "Remove that line"]),
    ],
)
def test_the_refusal_names_the_line_and_the_way_out(winner: Occurrence, wanted: str | None, parts: list[str]) -> None:
    error = override_error(MAIN, winner, wanted)
    assert error.name == "overridden"
    assert [part for part in parts if part not in str(error)] == []
