# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operator's guide can be followed by a test, all of it; tests/integration/test_runbooks.py does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.emergencies import EMERGENCIES
from support.runbooks import BadRunbookError, Step, renamed, runbooks_in

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RUNBOOKS = runbooks_in(GUIDE)
STEPS = [step for runbook in RUNBOOKS for scene in runbook.scenes for step in scene.steps]


def test_the_guide_has_a_runbook_for_each_emergency() -> None:
    titles = [runbook.title for runbook in RUNBOOKS]
    for wanted in (
        "The primary is dead",
        "The primary's host is gone",
        "Two primaries",
        "A standby will not rejoin",
        "The disk fills with WAL",
        "Failover stopped half-way",
    ):
        assert wanted in titles


def test_every_trouble_of_the_guide_is_produced_and_none_besides() -> None:
    named = [scene.before for runbook in RUNBOOKS for scene in runbook.scenes if scene.before]
    assert sorted(named) == sorted(EMERGENCIES)


def test_no_command_is_left_out() -> None:
    """Whatever looks like a command in a block is one of the steps, and is of a kind that the test can run."""
    blocks = re.findall(r"^```console\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    typed = [
        line.partition("$ ")[2] for block in blocks for line in block.splitlines() if re.match(r"(db-\d)?\$ ", line)
    ]
    assert [step.command for step in STEPS] == typed
    assert len(typed) > 15
    for step in STEPS:
        kind = (
            r"sudo -u postgres psql -c \"[^\"]+\""
            if step.host
            else r"ansible-playbook -i inventory\.ini playbooks/\w+\.yml.*"
        )
        assert re.fullmatch(kind, step.command), step.command


def test_every_playbook_that_users_run_is_in_a_runbook() -> None:
    run = {match.group(1) for step in STEPS if (match := re.search(r"playbooks/(\w+)\.yml", step.command))}
    assert run == {"site", "status", "switchover", "failover", "rejoin", "restart"}


def test_links_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", GUIDE)) <= anchors


@pytest.mark.parametrize(
    ("line", "printed", "fits"),
    [
        ("db-1  primary  at 0/30001C0", "  db-1   primary at 1F/ABC", True),
        ("└─ db-2  standby ...", "├─ db-2  standby  streaming", True),
        ("db-1  rewind ...; gone", "db-1  rewind  its WAL; gone", True),
        ("on timeline 1", "on timeline 42", True),
        ("loss: nothing, if the 321 bytes from", "loss: nothing, if the 7 bytes from", True),
        ("1 of 3", "2 of 3", False),
        ("[wal_removed] db-3: ...", "[wal_removed] db-2: it", False),
        ("healthy", "PROBLEM", False),
    ],
)
def test_what_is_shown_is_compared(line: str, printed: str, *, fits: bool) -> None:
    assert (Step("x", None, (line,)).missing_in(f"before\n{printed}\nafter") == []) == fits


def test_names_are_changed_both_ways() -> None:
    names = {"db-1": "n2", "db-2": "n1"}
    text = "db-1 and db-2: slot hotstandby_db_1, db-12 and -e to=db-2"
    changed = renamed(text, names)
    assert changed == "n2 and n1: slot hotstandby_n2, db-12 and -e to=n1"
    assert renamed(changed, {new: old for old, new in names.items()}) == text


@pytest.mark.parametrize(
    "text",
    [
        "## T\n```bash\n$ x\ny\n```\n",
        "## T\n```console\ny\n```\n",
        "## T\n```console\n$ x\n```\n",
        "## T\n```console\n$ x\ny\n",
        "## T\n<!-- before: x -->\nwords\n```console\n$ x\ny\n```\n",
    ],
)
def test_a_guide_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(BadRunbookError):
        runbooks_in(text)
