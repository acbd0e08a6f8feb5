# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows docs/operations.md on a demo, command by command, each runbook in its trouble."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotstandby_demo.layout import NODES
from support.account import test_account as account_of_tests
from support.demo_user import new_user
from support.emergencies import EMERGENCIES, Cluster
from support.runbooks import Runbook, Step, renamed, runbooks_in

GUIDE = Path(__file__).resolve().parents[2] / "docs/operations.md"
RUNBOOKS = runbooks_in(GUIDE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One for all: each runbook ends with a healthy cluster, with another primary perhaps."""
    user = new_user(account_of_tests())
    try:
        status, output = user.run("up")
        assert status == 0, output
        yield Cluster(user)
    finally:
        user.close()


def follow(cluster: Cluster, step: Step) -> tuple[int, str]:
    """Exit status and output of a command of the guide, with the guide's names in it."""
    if step.host is not None:
        status, output = cluster.psql(step.replaced(renamed(step.command, cluster.names)))
    else:
        words = shlex.split(renamed(step.command, cluster.names))
        assert words[:3] == ["ansible-playbook", "-i", "inventory.ini"]
        status, output = cluster.user.run("play", Path(words[3]).stem, *words[4:])
    return status, renamed(output, {node: name for name, node in cluster.names.items()})


@pytest.mark.parametrize("runbook", RUNBOOKS, ids=[re.sub(r"\W+", "-", runbook.title) for runbook in RUNBOOKS])
def test_runbook(cluster: Cluster, runbook: Runbook) -> None:
    cluster.name_nodes()
    for scene in runbook.scenes:
        if scene.before:
            EMERGENCIES[scene.before](cluster)
        for step in scene.steps:
            status, output = follow(cluster, step)
            assert (status != 0) == step.fails, f"{step.command}\n{output}"
            assert step.missing_in(output) == [], f"{step.command}\n{output}"
    assert_healthy(cluster)


def assert_healthy(cluster: Cluster) -> None:
    """One primary, and the others stream from it: the next runbook begins here."""
    standbys = [node for node in NODES if cluster.query(node, "SELECT pg_is_in_recovery()")]
    (primary,) = set(NODES) - set(standbys)
    streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    assert cluster.query(primary, streaming) == len(standbys) == len(NODES) - 1
