# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every query of ours names the schema of what it calls and reads: a bare name may be somebody else's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import SUPPORTED, Dialect

CHECKOUT = Path(__file__).resolve().parents[2]
PLACES = ("plugins", "roles", "playbooks")
SQL = re.compile(r"\b(?:SELECT|INSERT INTO|DELETE FROM|UPDATE [a-z]|CREATE (?:SCHEMA|TABLE)|(?:FROM|JOIN) pg_)")
# Syntax that looks like a call.
SYNTAX = re.compile(
    r"all|and|any|as|case|cast|coalesce|conflict|exists|extract|from|greatest|in|join|key|least|nullif|on|or|values",
    re.IGNORECASE,
)
CALL = re.compile(r"(?<![\w.])([a-z_][a-z0-9_]*)\s*\(", re.IGNORECASE)
RELATION = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE(?: IF NOT EXISTS)?)\s+(?!SET\b|\()(?:ONLY )?([\w.]+)")


def bare_names(sql: str) -> list[str]:
    """Names of functions and relations without their schema."""
    text = re.sub(r"'[^']*'", "''", sql)
    text = re.sub(r"\bextract\s*\(\s*\w+\s+FROM\b", "extract(", text, flags=re.IGNORECASE)
    text = text.replace("IS DISTINCT FROM", "<>")
    # a list of columns
    text = re.sub(r"\bAS \w+ \(", "(", text)
    called = [name for name in CALL.findall(text) if not SYNTAX.fullmatch(name)]
    return called + [name for name in RELATION.findall(text) if "." not in name]


def texts_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string that is no docstring; what an f-string puts in is qualified or no name."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(map(_part, node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings | parts:
            yield node.lineno, node.value


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    value = part.value if isinstance(part, ast.FormattedValue) else part
    # the names of functions in the dialect carry their schema, see test_every_function_of_the_dialect
    return "pg_catalog.f" if isinstance(value, ast.Attribute) and value.attr.endswith("_function") else "x"


def found_in(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    lines = enumerate(text.split("\n"), start=1)
    texts = texts_of(ast.parse(text)) if path.suffix == ".py" else lines
    return [
        f"{path.relative_to(CHECKOUT)}:{line}: {', '.join(names)}"
        for line, sql in texts
        if (begin := SQL.search(sql)) and (names := bare_names(sql[begin.start() :]))
    ]


def files() -> list[Path]:
    return sorted(
        path for place in PLACES for suffix in ("*.py", "*.yml", "*.j2") for path in (CHECKOUT / place).rglob(suffix)
    )


def test_no_query_has_a_bare_name() -> None:
    assert [problem for path in files() for problem in found_in(path)] == []


def test_the_queries_are_found() -> None:
    """The search would be worth nothing if it found no query."""
    counted = sum(
        1
        for path in files()
        if path.suffix == ".py"
        for dummy, text in texts_of(ast.parse(path.read_text(encoding="utf-8")))
        if SQL.search(text)
    )
    assert counted > 40


@pytest.mark.parametrize("version", SUPPORTED)
def test_every_function_of_the_dialect_has_its_schema(version: str) -> None:
    functions = {name: str(value) for name, value in vars(Dialect.for_version(version)).items() if "_function" in name}
    functions.pop("rewind_functions")  # qualified where they are used
    assert all(value in ("True", "False") or value.startswith("pg_catalog.") for value in functions.values()), functions


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT pg_is_in_recovery()", ["pg_is_in_recovery"]),
        ("SELECT has_function_privilege(%s, %s, 'EXECUTE')", ["has_function_privilege"]),
        ("SELECT pg_catalog.lower(name) FROM pg_settings", ["pg_settings"]),
        ("SELECT 1 FROM pg_catalog.pg_roles JOIN pg_database ON true", ["pg_database"]),
        ("INSERT INTO probe VALUES (now ())", ["now", "probe"]),
        ("SELECT extract(epoch FROM now() - a) IS DISTINCT FROM b", ["now"]),
        ("SELECT coalesce(a, 'f()'), x = ANY(%s) FROM (SELECT 1) AS one", []),
        ("INSERT INTO s.t AS p (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET a = excluded.a", []),
        ("CREATE TABLE IF NOT EXISTS s.t (id int PRIMARY KEY)", []),
    ],
)
def test_what_counts_as_a_bare_name(sql: str, names: list[str]) -> None:
    assert bare_names(sql) == names
