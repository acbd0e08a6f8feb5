# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slot names: valid for every node name, and never shared by two nodes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.slot_name import (
    application_name,
    is_slot_name,
    slot_name,
)

PREFIX = "hotstandby_"
NODE_NAMES = st.text(min_size=1, max_size=120)
HOST_NAMES = st.from_regex(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,80}[A-Za-z0-9])?", fullmatch=True)


@pytest.mark.parametrize(("node", "slot"), [("db2", "hotstandby_db2"), ("db-2", "hotstandby_db_2")])
def test_a_name_that_fits_stays_readable(node: str, slot: str) -> None:
    assert slot_name(node, PREFIX) == slot


@pytest.mark.parametrize(
    ("node", "pattern"),
    [
        ("db_1", r"hotstandby_db_1_[0-9a-f]{8}"),
        ("DB1", r"hotstandby_db1_[0-9a-f]{8}"),
        ("db1.example.com", r"hotstandby_db1_example_com_[0-9a-f]{8}"),
        ("ä", r"hotstandby___[0-9a-f]{8}"),
        ("x" * 53, r"hotstandby_x{43}_[0-9a-f]{8}"),
    ],
)
def test_a_name_that_does_not_fit_gets_a_hash(node: str, pattern: str) -> None:
    assert re.fullmatch(pattern, slot_name(node, PREFIX))


def test_the_name_of_a_node_never_changes() -> None:
    # A slot is found again by its name: a change of the scheme would orphan every slot there is.
    assert slot_name("db-1", PREFIX) == "hotstandby_db_1"
    assert slot_name("DB1", PREFIX) == "hotstandby_db1_48802189"


@given(NODE_NAMES, st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True))
@example("x" * 52, PREFIX)
@example("x" * 53, PREFIX)
@example("\ud800", PREFIX)
def test_always_valid_and_ours(node: str, prefix: str) -> None:
    name = slot_name(node, prefix)
    assert re.fullmatch(r"[a-z0-9_]{1,63}", name)
    assert name.startswith(prefix)


@given(st.lists(NODE_NAMES | HOST_NAMES, min_size=2, max_size=30, unique=True))
@example(["db-1", "db_1", "db.1", "DB-1", "Db_1"])
@example(["x" * 53, "x" * 54])
def test_two_nodes_never_share_a_slot(nodes: list[str]) -> None:
    assert len({slot_name(node, PREFIX) for node in nodes}) == len(nodes)


@pytest.mark.parametrize(("node", "prefix"), [("", PREFIX), ("a", ""), ("a", "UPPER_"), ("a", "x" * 48)])
def test_what_cannot_be_named(node: str, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"name|begin"):
        slot_name(node, prefix)


@pytest.mark.parametrize("node", ["db-2", "DB_2.example.com", "x" * 63, "a 'b' \\c"])
def test_a_node_that_a_server_takes_as_it_is_calls_itself_so(node: str) -> None:
    assert application_name(node) == node


@pytest.mark.parametrize(
    ("node", "pattern"),
    [("x" * 64, r"x{54}_[0-9a-f]{8}"), ("dbä", r"db__[0-9a-f]{8}"), ("a\nb", r"a_b_[0-9a-f]{8}")],
)
def test_a_node_that_a_server_would_cut_or_change_gets_a_hash(node: str, pattern: str) -> None:
    assert re.fullmatch(pattern, application_name(node))


@given(st.lists(NODE_NAMES | HOST_NAMES, min_size=2, max_size=30, unique=True))
@example(["x" * 64, "x" * 65])
@example(["dbä", "dbö"])
def test_two_nodes_never_call_themselves_the_same(nodes: list[str]) -> None:
    names = {application_name(node) for node in nodes}
    assert len(names) == len(nodes)
    assert all(re.fullmatch(r"[ -~]{1,63}", name) for name in names)
    assert {application_name(name) for name in names} == names


def test_is_slot_name() -> None:
    assert is_slot_name("a_1")
    assert not any(map(is_slot_name, ["", "A", "a-b", "a" * 64, "ä", "a\n", "²"]))
