# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`molecule test --all`, as somebody types it in the checkout: each step ran, and each test of `verify` passed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.hosts.controller import CHECKOUT, NASTY_PASSWORD, environment, link_checkout

# In the order in which they run. `default` creates the hosts before them all and destroys them after them all.
STEPS = {
    "default": [
        "syntax",
        "side_effect",  # virgin
        "side_effect",  # files_noted
        "check",
        "side_effect",  # files_unchanged
        "converge",
        "idempotence",
        "verify",
        "side_effect",  # verified
    ],
    "failover": [
        "syntax",
        "prepare",
        "side_effect",  # servers_noted
        "side_effect",  # primary_killed
        "converge",
        "verify",
        "side_effect",  # verified
        "side_effect",  # primary_unmasked
        "side_effect",  # rejoin
        "verify",
        "side_effect",  # verified
    ],
    "rejoin": [
        "syntax",
        "prepare",
        "side_effect",  # servers_noted
        "side_effect",  # second_primary
        "converge",
        "verify",
        "side_effect",  # verified
    ],
    "restart": [
        "syntax",
        "prepare",
        "side_effect",  # servers_noted
        "side_effect",  # raise
        "converge",
        "verify",
        "side_effect",  # verified
    ],
    "switchover": [
        "syntax",
        "prepare",
        "side_effect",  # servers_noted
        "converge",
        "verify",
        "side_effect",  # verified
    ],
}
# As many as each `verify` makes for three hosts. Count anew when you add one.
TESTS = {"default": [68], "failover": [5, 6], "rejoin": [9], "restart": [9], "switchover": [8]}
HOSTS = ["db-1", "db-2", "db-3"]


@pytest.fixture(scope="module")
def output() -> str:
    """What the user sees, without colours."""
    link_checkout()
    # molecule would go on with the hosts of a run that was cut off
    molecule("destroy", "--all")
    done = molecule("test", "--all")
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    failed = text.partition(": Executed: Failed")[0].rpartition(" ➜ ")[0]
    assert done.returncode == 0, text[failed.rfind(": Executing") :]
    return text


def molecule(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["molecule", *arguments],
        cwd=CHECKOUT,
        env={**environment(), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def sections(output: str, scenario: str, step: str) -> list[str]:
    """What a step printed, each time that it ran."""
    found: list[str] = re.findall(
        rf"{scenario} ➜ {step}: Executing\n(.*?){scenario} ➜ {step}: Executed", output, re.DOTALL
    )
    assert found
    return found


def changed(printed: str) -> dict[str, str]:
    """How much the playbook changed, by host, where the play recap has a host."""
    return dict(re.findall(r"^\W*(\S+) +: ok=[1-9]\d* +changed=(\d+)", printed, re.MULTILINE))


def test_every_scenario_is_known() -> None:
    assert sorted(path.parent.name for path in Path(CHECKOUT).glob("molecule/*/molecule.yml")) == sorted(STEPS)


def test_every_step_ran(output: str) -> None:
    results = re.findall(r"^INFO +(\w+) ➜ (\w+): Executed: (.*)", output, re.MULTILINE)
    expected = [("default", "create")]
    expected += [(scenario, step) for scenario, steps in STEPS.items() for step in steps]
    expected += [("default", "destroy")]
    assert results == [(scenario, step, "Successful") for scenario, step in expected]
    assert "Skipping" not in output
    assert "Missing playbook" not in output


def test_check_mode_left_every_file_as_it_was(output: str) -> None:
    found = re.search(r"nothing changed in (\d+) files on 3 hosts", output)
    assert found is not None
    assert int(found[1]) > 3 * 5000


@pytest.mark.parametrize(
    "scenario", [scenario for scenario, steps in STEPS.items() if "idempotence" in steps]
)
def test_the_second_run_changed_nothing(output: str, scenario: str) -> None:
    [printed] = sections(output, scenario, "idempotence")
    assert changed(printed) == dict.fromkeys([*HOSTS, "localhost"], "0")


@pytest.mark.parametrize("scenario", [scenario for scenario in STEPS if scenario != "default"])
def test_the_hosts_were_built_once_and_site_leaves_moved_roles_alone(output: str, scenario: str) -> None:
    """Each scenario begins with site.yml, on what the one before has left."""
    [printed] = sections(output, scenario, "prepare")
    assert changed(printed) == dict.fromkeys([*HOSTS, "localhost"], "0")


@pytest.mark.parametrize("scenario", STEPS)
def test_the_hosts_were_verified(output: str, scenario: str) -> None:
    verified = sections(output, scenario, "verify")
    passed = [re.findall(r"=== (\d+) passed in [^=]*===", printed) for printed in verified]
    assert passed == [[str(count)] for count in TESTS[scenario]]
    judged = re.findall(r"(\d+) tests verified the hosts", "".join(sections(output, scenario, "side_effect")))
    assert judged == [str(count) for count in TESTS[scenario]]


def test_what_had_diverged_was_rewound(output: str) -> None:
    [printed] = sections(output, "rejoin", "converge")
    assert re.findall(r"^\W*db-\d  path: (\w+)", printed, re.MULTILINE) == ["rewound", "rewound"]


def test_the_password_was_not_shown(output: str) -> None:
    assert "Grüße" in NASTY_PASSWORD
    assert [word for word in ("Grüße", "{{ braces }}", "back:slash") if word in output] == []
