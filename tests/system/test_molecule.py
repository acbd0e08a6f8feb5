# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`molecule test`, as somebody types it in the checkout: each step ran, and each test of `verify` passed."""

from __future__ import annotations

import re
import subprocess

import pytest

from support.hosts.controller import CHECKOUT, NASTY_PASSWORD, environment, link_checkout

STEPS = [
    "destroy",
    "syntax",
    "create",
    "side_effect",  # files_noted
    "check",
    "side_effect",  # files_unchanged
    "converge",
    "idempotence",
    "verify",
    "side_effect",  # verified
    "destroy",
]
HOSTS = ["db-1", "db-2", "db-3"]
# As many as molecule/default/tests makes for three hosts. Count anew when you add one.
TESTS = 68


@pytest.fixture(scope="module")
def output() -> str:
    """What the user sees, without colours."""
    link_checkout()
    done = subprocess.run(
        ["molecule", "test"],
        cwd=CHECKOUT,
        env={**environment(), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert done.returncode == 0, text
    return text


def section(output: str, step: str) -> str:
    """What a step printed."""
    found = re.search(rf"default ➜ {step}: Executing\n(.*?)default ➜ {step}: Executed", output, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_step_ran(output: str) -> None:
    results = re.findall(r"^default ➜ (\w+): Executed: (\w+)", output, re.MULTILINE)
    assert results == [(step, "Successful") for step in STEPS]


def test_check_mode_left_every_file_as_it_was(output: str) -> None:
    found = re.search(r"nothing changed in (\d+) files on 3 hosts", output)
    assert found is not None
    assert int(found[1]) > 3 * 5000


def test_the_second_run_changed_nothing(output: str) -> None:
    recap = re.findall(r"(\S+) +: ok=(\d+) +changed=(\d+)", section(output, "idempotence"))
    assert {host: changed for host, dummy, changed in recap if host in HOSTS} == dict.fromkeys(HOSTS, "0")
    assert all(int(ok) > 0 for dummy, ok, changed in recap)


def test_the_hosts_were_verified(output: str) -> None:
    assert re.search(rf"=== {TESTS} passed in [^=]*===", section(output, "verify"))
    assert f"{TESTS} tests verified the hosts" in output


def test_the_password_was_not_shown(output: str) -> None:
    assert "Grüße" in NASTY_PASSWORD
    assert [word for word in ("Grüße", "{{ braces }}", "back:slash") if word in output] == []
