# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The boot guard's decision, the files that it writes, and what it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.filter.boot_guard_config import boot_guard_config
from ansible_collections.hotstandby.postgresql.plugins.module_utils._boot_guard import refusal_in
from ansible_collections.hotstandby.postgresql.plugins.module_utils._dialect import SUPPORTED, Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._guard_config import guard_config
from ansible_collections.hotstandby.postgresql.plugins.module_utils._recovery_edits import Found, plan_edits
from ansible_collections.hotstandby.postgresql.plugins.module_utils._recovery_settings import (
    SIGNAL_FILE,
    primary_conninfo,
    wanted_settings,
)
from support.clusters import declared
from support.guards import boot_guard

guard = boot_guard()
OWN = guard.Own("77", 2, False)


def primary(name: str, timeline: int = 2, system: str = "77") -> Any:
    return guard.View(name, False, system, timeline)


def standby(name: str, timeline: int = 2, system: str = "77") -> Any:
    return guard.View(name, True, system, timeline)


def silent(name: str) -> Any:
    return guard.View(name, trouble="connection refused")


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        # somebody is newer: never writable, whatever the policy and however few answer
        ([primary("a", 3), silent("b"), silent("c"), silent("d")], ("follow", "a")),
        ([silent("a"), primary("b", 3)], ("follow", "b")),
        ([primary("a", 3), primary("b", 4)], ("follow", "b")),
        ([primary("a", 2), primary("b", 3)], ("follow", "b")),
        ([standby("a", 3), primary("b", 3)], ("follow", "b")),
        ([standby("a", 3), silent("b")], ("follow", "a")),
        ([primary("a", 3), primary("b", 3)], ("refuse", None)),
        # two on one timeline cannot both be right
        ([primary("a", 2), standby("b")], ("refuse", None)),
        ([primary("a", 2), primary("b", 1)], ("refuse", None)),
        # who takes writes and does not say as what, is not to be joined by a second one
        ([guard.View("a", False, None, None, "no walsender is free"), standby("b")], ("refuse", None)),
        # this node is the newest, and most of the others say so
        ([primary("a", 1), silent("b")], ("start", None)),
        ([primary("a", 1), standby("b", 1)], ("start", None)),
        ([standby("a")], ("start", None)),
        ([standby("a"), silent("b")], ("start", None)),
        ([standby("a"), standby("b"), silent("c"), silent("d")], ("start", None)),
        ([], ("start", None)),
        # cannot tell
        ([silent("a")], ("policy", None)),
        ([silent("a"), silent("b")], ("policy", None)),
        ([standby("a"), silent("b"), silent("c")], ("policy", None)),
        ([standby("a"), silent("b"), silent("c"), silent("d")], ("policy", None)),
        ([primary("a", 1), silent("b"), silent("c"), silent("d")], ("policy", None)),
        ([guard.View("a", True, None, None, "no walsender is free")], ("policy", None)),
        # another cluster at that address says nothing about this one
        ([primary("a", 9, "66")], ("policy", None)),
        ([primary("a", 2, "66"), standby("b")], ("start", None)),
    ],
)
@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_decision(views: list[Any], expected: tuple[str, str | None], policy: str) -> None:
    decision = guard.decide(OWN, views, policy)
    action, upstream = expected
    assert (decision.action, decision.upstream) == (policy if action == "policy" else action, upstream)
    assert decision.unsure == (action == "policy")


def test_a_sentence_names_who_and_why() -> None:
    said = guard.sentence(guard.decide(OWN, [primary("db-2", 3)], "start"))
    assert said == ("boot guard: started as a standby of db-2: db-2 is primary on timeline 3, newer than 2 here")
    said = guard.sentence(guard.decide(OWN, [primary("db-2")], "start"))
    assert "not started: db-2 takes writes on the same timeline 2" in said
    assert "when_unsure" not in said
    said = guard.sentence(guard.decide(OWN, [silent("db-2"), primary("db-3", 3, "66")], "refuse"))
    assert "db-2 (connection refused); db-3 (another cluster)" in said
    assert "postgres_boot_guard_when_unsure" in said


CONTROL = """\
Database system identifier:           7302000000000000001
Latest checkpoint's REDO WAL file:    {file}
Latest checkpoint's TimeLineID:       {timeline}
Min recovery ending loc's timeline:   {minimum}
"""


@pytest.mark.parametrize(
    ("file", "timeline", "minimum", "expected"),
    [
        ("000000010000000000000001", 1, 0, (1, True)),
        ("000000010000000000000002", 1, 0, (1, False)),
        ("000000010000000100000001", 1, 0, (1, False)),
        ("000000020000000000000001", 2, 0, (2, False)),
        ("000000010000000000000005", 1, 2, (2, False)),  # promoted, no checkpoint yet
        ("000000010000000000000001", 1, 2, (2, False)),
    ],
)
def test_own_timeline(file: str, timeline: int, minimum: int, expected: tuple[int, bool]) -> None:
    own = guard.own_from(CONTROL.format(file=file, timeline=timeline, minimum=minimum))
    assert (own.system_identifier, own.timeline, own.never_copied) == ("7302000000000000001", *expected)


BEFORE = """\
# Do not edit this file manually!
work_mem = '8MB'
primary_conninfo = 'host=old'
 PRIMARY_SLOT_NAME='old'
primary_slot_name_of_mine.x = 1
recovery_target_time = '2020-01-01'"""

OPTIONS = {
    "data_directory": "/data",
    "bin_directory": "/bin",
    "user": "o'neil",
    "passfile": "/home/a b/pass",
    "restore_command": "cp '/a b/%f' \"%p\"",
}


@pytest.mark.parametrize("version", SUPPORTED)
def test_recovery_config_finds_nothing_to_change_afterwards(version: str) -> None:
    config = guard_config([declared("db-1"), declared("db-2")], "db-1", {**OPTIONS, "version": version})
    dialect = Dialect.for_version(version)
    before = "" if dialect.uses_recovery_conf else BEFORE
    after = guard.with_settings(before, config["owned_settings"], config["peers"][0]["settings"])
    conninfo = primary_conninfo("192.0.2.2", 5432, "o'neil", "/home/a b/pass", "db-1", dialect)
    wanted = wanted_settings(dialect, conninfo, "hotstandby_db_1", OPTIONS["restore_command"], {})
    present = {config["standby_file"]} & {SIGNAL_FILE}
    assert not plan_edits(dialect, wanted, Found(after, "", frozenset(present)))
    if before:
        assert after.startswith(
            "# Do not edit this file manually!\nwork_mem = '8MB'\nprimary_slot_name_of_mine.x = 1\n"
        )
        assert "old" not in after
    assert (config["standby_file"] == config["settings_file"]) == dialect.uses_recovery_conf


def test_a_file_without_a_last_line_end_is_not_run_together() -> None:
    assert guard.with_settings("a = 1", ["b"], ["b = 2"]) == "a = 1\nb = 2\n"


def test_configuration_names_every_other_node_and_no_secret() -> None:
    records = {
        name: {"declared": {**vars(declared(name)), "password": "geheim"}, "observed": None}
        for name in ("db-1", "db-2", "db-3")
    }
    config = boot_guard_config(records, "db-2", {**OPTIONS, "version": "15", "restore_command": ""})
    assert [peer["name"] for peer in config["peers"]] == ["db-1", "db-3"]
    assert "application_name=db-2" in config["peers"][1]["conninfo"]
    assert "host=192.0.2.3" in config["peers"][1]["conninfo"]
    assert "primary_slot_name = hotstandby_db_2" in config["peers"][0]["settings"]
    assert "geheim" not in json.dumps(config)
    assert boot_guard_config({"db-1": records["db-1"]}, "db-1", {**OPTIONS, "version": "15"})["peers"] == []


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
