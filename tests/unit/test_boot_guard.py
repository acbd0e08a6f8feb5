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
    return guard.View(name, guard.LIVES, False, system, timeline)


def standby(name: str, timeline: int = 2, system: str = "77") -> Any:
    return guard.View(name, guard.LIVES, True, system, timeline)


def silent(name: str) -> Any:
    return guard.View(name, trouble="no route to host")


def down(name: str) -> Any:
    return guard.View(name, guard.DOWN, trouble="connection refused")


def waits(name: str, timeline: int = 2, system: str = "77") -> Any:
    return guard.View(name, guard.WAITS, None, system, timeline, "not started yet")


def starting(name: str, in_recovery: bool | None = None) -> Any:
    return guard.View(name, guard.STARTING, in_recovery, trouble="the database system is starting up")


def lives(name: str, in_recovery: bool | None = None, timeline: int | None = None, system: str | None = None) -> Any:
    """A server that answers and rejects."""
    known = system or ("77" if timeline else None)
    return guard.View(name, guard.LIVES, in_recovery, known, timeline, "password authentication failed")


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
        ([waits("a", 3), silent("b")], ("follow", "a")),
        ([waits("a", 3), standby("b", 3)], ("follow", "b")),
        ([lives("a", None, 3)], ("follow", "a")),  # it has no connection left, and says its timeline
        ([primary("a", 3), primary("b", 3)], ("refuse", None)),
        # two on one timeline cannot both be right
        ([primary("a", 2), standby("b")], ("refuse", None)),
        ([primary("a", 2), primary("b", 1)], ("refuse", None)),
        ([waits("a", 2), standby("b")], ("refuse", None)),
        # who takes writes and does not say as what, is not to be joined by a second one
        ([lives("a", False), standby("b")], ("refuse", None)),
        # who answers and rejects lives
        ([lives("a")], ("refuse", None)),
        ([lives("a"), silent("b")], ("refuse", None)),
        ([lives("a"), standby("b")], ("refuse", None)),  # and b may be what the others have left behind
        ([lives("a", None, 2)], ("refuse", None)),
        ([lives("a", True), silent("b")], ("refuse", None)),
        ([starting("a")], ("refuse", None)),
        # this node is the newest, and most of the others say so
        ([primary("a", 1), silent("b")], ("start", None)),
        ([primary("a", 1), standby("b", 1)], ("start", None)),
        ([lives("a", None, 1)], ("start", None)),
        ([lives("a", True), standby("b")], ("start", None)),
        ([starting("a"), standby("b")], ("start", None)),
        ([waits("a", 1)], ("start", None)),
        ([standby("a")], ("start", None)),
        ([standby("a"), silent("b")], ("start", None)),
        ([standby("a"), standby("b"), silent("c"), silent("d")], ("start", None)),
        ([], ("start", None)),
        # cannot tell
        ([silent("a")], ("policy", None)),
        ([down("a")], ("policy", None)),
        ([silent("a"), down("b")], ("policy", None)),
        ([standby("a"), silent("b"), silent("c")], ("policy", None)),
        ([standby("a"), silent("b"), silent("c"), silent("d")], ("policy", None)),
        ([primary("a", 1), silent("b"), silent("c"), silent("d")], ("policy", None)),
        ([starting("a", True)], ("policy", None)),  # a standby that waits for somebody's WAL
        # another cluster at that address says nothing about this one
        ([primary("a", 9, "66")], ("policy", None)),
        ([lives("a", None, 9, "66")], ("policy", None)),
        ([primary("a", 2, "66"), standby("b")], ("start", None)),
    ],
)
@pytest.mark.parametrize("policy", ["start", "refuse"])
def test_decision(views: list[Any], expected: tuple[str, str | None], policy: str) -> None:
    decision = guard.decide(OWN, views, policy)
    action, upstream = expected
    assert (decision.action, decision.upstream) == (policy if action == "policy" else action, upstream)
    assert decision.unsure == (action == "policy")


LIMITS = {"server_seconds": 15, "boot_seconds": 90}


@pytest.mark.parametrize(
    ("views", "until", "booting"),
    [
        # the first second in which nobody is waited for any more, on a host that has run for long and on one that boots
        ([], 0, 0),
        ([standby("a"), standby("b")], 0, 0),
        ([primary("a", 3), silent("b")], 0, 0),
        ([primary("a", 2), silent("b")], 0, 0),
        ([waits("a", 2), silent("b")], 0, 0),
        ([waits("a", 1)], 0, 0),
        ([standby("a"), silent("b")], 0, 0),
        ([standby("a"), down("b")], 15, 15),
        ([standby("a"), starting("b")], 15, 15),
        ([lives("a")], 15, 15),
        ([silent("a")], 0, 90),
        ([down("a")], 15, 90),
        ([starting("a")], 15, 90),
        ([waits("a", 3)], 15, 90),
        ([standby("a", 3), silent("b")], 0, 90),
    ],
)
def test_how_long_others_are_waited_for(views: list[Any], until: int, booting: int) -> None:
    decision = guard.decide(OWN, views, "start")

    def waits_until(own: Any, switched_on: int) -> int:
        return next(s for s in range(200) if not guard.ask_again(decision, own, views, LIMITS, s, switched_on + s))

    assert waits_until(OWN, 1000) == until
    assert waits_until(OWN, 0) == booting
    answered = [view for view in views if view.sign in (guard.STARTING, guard.LIVES) and not view.timeline]
    assert waits_until(OWN._replace(restarted=True), 1000) == (until if answered else 0)


def test_what_was_heard_is_remembered() -> None:
    """The newer one's guard has ended and its server is not up yet when the older one asks for the last time."""
    views = guard.remember([silent("a"), silent("b")], [waits("a", 3), standby("b")])
    views = guard.remember(views, [down("a"), primary("b", 3)])
    assert [(view.sign, view.timeline) for view in views] == [(guard.DOWN, 3), (guard.LIVES, 3)]
    assert guard.decide(OWN, guard.remember([waits("a", 3)], [down("a")]), "start").action == "follow"


def test_a_guard_is_understood_by_another_one() -> None:
    view = guard.heard(silent("a"), guard.claim_of(guard.Own("7302000000000000001", 12, False)))
    assert (view.sign, view.system_identifier, view.timeline) == (guard.WAITS, "7302000000000000001", 12)


@pytest.mark.parametrize(
    ("answer", "sign", "in_recovery"),
    [
        (b"", guard.DOWN, None),
        (b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", guard.LIVES, None),
        (b"E\0\0\0\x20SFATAL\0VFATAL\0C28000\0Mno entry\0\0", guard.LIVES, None),
        (b"E\0\0\0\x20SFATAL\0VFATAL\0C53300\0Mtoo many\0\0", guard.LIVES, None),
        (b"E\0\0\0\x20SFATAL\0VFATAL\0C57P03\0Mdas System startet\0\0", guard.STARTING, None),
        (
            b"E\0\0\0\x20SFATAL\0C57P03\0Mthe database system is not yet accepting connections\0\0",
            guard.STARTING,
            True,
        ),
        (b"EFATAL:  could not fork", guard.LIVES, None),
        (b"HTTP/1.1 400 Bad Request", guard.LIVES, None),
    ],
)
def test_the_first_answer(answer: bytes, sign: str, in_recovery: bool | None) -> None:
    view = guard.heard(silent("a"), answer)
    assert (view.sign, view.in_recovery) == (sign, in_recovery)


def test_a_sentence_names_who_and_why() -> None:
    said = guard.sentence(guard.decide(OWN, [primary("db-2", 3)], "start"))
    assert said == ("boot guard: started as a standby of db-2: db-2 is primary on timeline 3, newer than 2 here")
    said = guard.sentence(guard.decide(OWN, [primary("db-2")], "start"))
    assert "not started: db-2 takes writes on the same timeline 2" in said
    assert "when_unsure" not in said
    said = guard.sentence(guard.decide(OWN, [primary("db-2", 1)], "start"))
    assert "WARNING: TWO PRIMARIES: db-2 takes writes on an older timeline" in said
    said = guard.sentence(guard.decide(OWN, [lives("db-2")], "start"))
    assert "db-2 lives and does not say whether it is a newer primary: password authentication failed" in said
    assert "rejoin.yml" in said
    assert "when_unsure" not in said
    said = guard.sentence(guard.decide(OWN, [down("db-2"), primary("db-3", 3, "66")], "refuse"))
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
    assert (config["address"], config["port"]) == ("192.0.2.2", 5432)
    assert [(peer["host"], peer["port"]) for peer in config["peers"]] == [("192.0.2.1", 5432), ("192.0.2.3", 5432)]
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
