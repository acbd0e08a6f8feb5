# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of `make pairs`: which cases it plays, and that it sees a rule broken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.pairs.cases import GAPS_SECONDS, KINDS, Command, kills, pairs
from support.pairs.verdict import HUNG, Found, Ran, broken_rules, names_in, next_run, promotions
from support.pairs.watch import Sample, doubles

KNOWN = names_in((Path(__file__).resolve().parents[3] / "docs" / "refusals.md").read_text(encoding="utf-8"))
RECAP = "\nPLAY RECAP ***\nn1 : ok=9    changed=0    unreachable=0\nn2 : ok=6    changed={}    unreachable=0\n"
REFUSED = "fatal: [n1]: FAILED! =>\n    msg: '[{}] n1, n2: another run is at work'\n"


def sample(node: str, at: float, *, session: int = 1, writable: bool = True) -> Sample:
    return Sample(node, at, at + 0.01, session, writable)


def ran(command: str, status: int = 0, said: str = "", changed: int = 0, ended: float = 1.0) -> Ran:
    return Ran(Command(*command.split()), status, said + RECAP.format(changed), ended)


def refused(command: str, name: str) -> Ran:
    return ran(command, 2, REFUSED.format(name))


def good() -> Found:
    """One went on, the other one was refused."""
    return Found(
        runs=[ran("switchover n2", changed=5), refused("switchover n3", "in_progress")],
        again=ran("switchover n2"),
        settled=True,
        promoted={2: {"n2"}},
        histories={"n1": {2: "1 0/5"}, "n2": {2: "1 0/5"}, "n3": {}},
        writable=["n2"],
        whole=True,
        acknowledged=100,
    )


def test_two_that_take_writes_at_once_are_seen() -> None:
    (double,) = doubles([sample("n1", 1), sample("n2", 1.5), sample("n2", 2), sample("n1", 3)])
    assert double.nodes == ("n1", "n2")
    assert str(double) == "n1 and n2 took writes at once, for at least 0.5 s"


def test_one_answer_is_enough() -> None:
    assert doubles([sample("n1", 1), sample("n2", 1.5), sample("n1", 2)])


@pytest.mark.parametrize(
    "samples",
    [
        [sample("n1", 1), sample("n1", 2), sample("n2", 2.1), sample("n2", 3)],
        # it may have been stopped in between, for all that is known
        [sample("n1", 1), sample("n2", 1.5), sample("n1", 2, session=2)],
        [sample("n1", 1), sample("n2", 1.5, writable=False), sample("n1", 2)],
        # asked before the other's first answer was there, or answered after its last question
        [sample("n1", 1), sample("n2", 1.005), sample("n1", 2), sample("n2", 1.995)],
    ],
    ids=["handed over", "another session", "a standby", "not proved"],
)
def test_no_double_where_none_is_proved(samples: list[Sample]) -> None:
    assert not doubles(samples)


def test_the_same_seed_gives_the_same_cases() -> None:
    assert pairs(3, range(40)) == pairs(3, range(40))
    assert pairs(3, range(40))[17] == pairs(3, [17])[0]
    assert pairs(3, range(40)) != pairs(4, range(40))
    assert kills(3, range(9)) == kills(3, range(9))


def test_any_35_in_a_row_are_every_kind_with_every_gap() -> None:
    cases = pairs(1, range(50, 85))
    kinds = {" + ".join(sorted((kind.first, kind.second))) for kind in KINDS}
    seen = {(" + ".join(sorted(case.kind.split(" + "))), _nearest(case.apart_seconds)) for case in cases}
    assert seen == {(kind, gap) for kind in kinds for gap in GAPS_SECONDS}


def _nearest(seconds: float) -> float:
    return min(GAPS_SECONDS, key=lambda gap: abs(gap - seconds))


def test_two_candidates_are_two() -> None:
    for case in [*pairs(1, range(100)), *kills(1, range(20))]:
        candidates = [command.to for command in (case.first, case.second) if command.to]
        assert len(candidates) == len(set(candidates)), case
        assert all(command.to != "n1" for command in (case.first, case.second)), case


def test_nothing_is_broken_in_a_good_case() -> None:
    assert broken_rules(good(), KNOWN) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"doubles": ["n1 and n2 ..."]}, "two primaries"),
        ({"promoted": {2: {"n2", "n3"}}}, "two promotions"),
        ({"histories": {"n1": {2: "1 0/5"}, "n2": {2: "1 0/6"}}}, "one history"),
        ({"writable": []}, "one primary in the end"),
        ({"writable": ["n2", "n3"]}, "one primary in the end"),
        ({"lost": [7]}, "rows lost"),
        ({"runs": [ran("failover n2"), ran("failover n3", 2)]}, "says why"),
        ({"runs": [ran("failover n2"), refused("failover n3", "no_such_name")]}, "says why"),
        ({"runs": [ran("failover n2"), ran("failover n3", HUNG)]}, "ends in time"),
        ({"again": ran("switchover n2", changed=1)}, "one run more changes nothing"),
        ({"again": refused("switchover n2", "no_primary")}, "one run more changes nothing"),
        ({"again": refused("rejoin", "in_progress"), "settled": False}, "one run more succeeds"),
        ({"brought_back": refused("rejoin", "diverged")}, "can be brought back"),
        ({"brought_back": ran("rejoin"), "whole": False}, "can be brought back"),
    ],
)
def test_a_broken_rule_is_seen(changes: dict[str, Any], rule: str) -> None:
    (broken,) = broken_rules(replace(good(), **changes), KNOWN)
    assert broken.startswith(f"{rule}: ")


def test_failover_may_refuse_beside_the_primary_that_it_has_made() -> None:
    assert broken_rules(replace(good(), again=refused("failover n2", "primary_alive")), KNOWN) == []


def test_a_node_that_is_left_to_rejoin_makes_no_failure() -> None:
    left = refused("failover n2", "incomplete")
    assert broken_rules(replace(good(), again=left), KNOWN) == []
    assert broken_rules(replace(good(), again=left, settled=False), KNOWN) == []
    (broken,) = broken_rules(replace(good(), again=replace(left, output=left.output + RECAP.format(1))), KNOWN)
    assert broken.startswith("one run more changes nothing: ")


def test_who_was_killed_need_not_say_why() -> None:
    assert broken_rules(replace(good(), runs=[ran("failover n2", -9), ran("failover n3")]), KNOWN) == []


def test_a_name_is_that_of_a_refusal_or_of_a_modules_error() -> None:
    assert refused("site", "in_progress").names(KNOWN) == ["in_progress"]
    assert ran("site", 2, "    error_name: start_failed\n").names(KNOWN) == ["start_failed"]
    assert ran("site", 2, "ok: [localhost]\n").names(KNOWN) == []


def test_promotions_are_read_from_the_logs() -> None:
    line = "2026-01-01 LOG:  selected new timeline ID: {}\n"
    logs = {"n1": "", "n2": line.format(2), "n3": line.format(2) + line.format(3)}
    assert promotions(logs) == {2: {"n2", "n3"}, 3: {"n3"}}


@pytest.mark.parametrize(
    ("runs", "primary", "command", "settled"),
    [
        ([ran("failover n2"), refused("failover n3", "in_progress")], "n2", "failover n2", True),
        ([ran("site", ended=9.0), ran("switchover n2", ended=8.0)], "n2", "site", True),
        ([refused("switchover n2", "x"), refused("site", "x")], "n1", "switchover n2", False),
        ([refused("failover n2", "x"), refused("rejoin", "x")], "n1", "rejoin", False),
        ([refused("rejoin", "x"), refused("failover n3", "x")], None, "failover n3", False),
        ([refused("failover n3", "incomplete"), refused("rejoin", "x")], "n3", "failover n3", True),
        ([ran("switchover n2", -9), refused("switchover n3", "x")], None, "failover n2", False),
    ],
)
def test_the_run_after_them(runs: list[Ran], primary: str | None, command: str, settled: bool) -> None:
    assert next_run(runs, primary, KNOWN) == (Command(*command.split()), settled)
