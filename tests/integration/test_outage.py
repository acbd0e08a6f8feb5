# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays that have to end with a primary and its standbys, whatever is in the way; and what status.yml tells of it."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg2
import pytest

from hotstandby_demo.layout import NODES
from hotstandby_demo.stopping import children, postmaster
from support.account import test_account as account_of_tests
from support.demo_user import new_user
from support.emergencies import Cluster
from support.waiting import wait_for

STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
IN_RECOVERY = "SELECT pg_is_in_recovery()"


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    """One for all: each test ends with a healthy cluster."""
    user = new_user(account_of_tests())
    try:
        status, output = user.run("up")
        assert status == 0, output
        yield Cluster(user)
    finally:
        user.close()


@pytest.fixture
def cluster(shared: Cluster) -> Cluster:
    """db-1 is the primary, the other two stream from it."""
    shared.name_nodes()
    primary = shared.names["db-1"]
    wait_for(lambda: shared.query(primary, STREAMING) == len(NODES) - 1, "two standbys that stream")
    return shared


def play(cluster: Cluster, *arguments: str) -> tuple[int, str]:
    status, output = cluster.user.run("play", *arguments)
    return status, re.sub(r"\s+", " ", output)


@contextmanager
def overridden(cluster: Cluster, node: str) -> Iterator[None]:
    """Somebody has set by ALTER SYSTEM what the collection declares."""
    cluster.query(node, "ALTER SYSTEM SET wal_keep_size = '17MB'")
    cluster.query(node, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        cluster.query(node, "ALTER SYSTEM RESET wal_keep_size")
        cluster.query(node, "SELECT pg_reload_conf()")


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_setting_that_is_overridden_is_told_before_it_hurts(cluster: Cluster) -> None:
    first, second = cluster.names["db-1"], cluster.names["db-2"]
    with overridden(cluster, second):
        status, output = play(cluster, "status")
        assert status == 0, output
        assert f"warning: {second}: wal_keep_size in " in output, output
        assert f"warning: {first}: " not in output
        status, output = play(cluster, "switchover", "--check", "-e", f"switchover_to={second}")
        assert (status != 0, "error_name: overridden" in output) == (True, True), output
        assert "wal_keep_size" in output
    status, output = play(cluster, "switchover", "--check", "-e", f"switchover_to={second}")
    assert status == 0, output
    assert "warning: " not in play(cluster, "status")[1]
    assert cluster.query(first, IN_RECOVERY) is False


def test_check_mode_of_a_switchover_tries_the_door_of_the_candidate(cluster: Cluster) -> None:
    second = cluster.names["db-2"]
    rules = cluster.layout.data_directory(second) / "pg_hba.conf"
    before = rules.read_text(encoding="utf-8")
    kept = [line for line in before.splitlines() if not re.match(r"host\S*\s+replication", line)]
    assert len(kept) < len(before.splitlines())
    rules.write_text("\n".join(kept) + "\n", encoding="utf-8")
    cluster.query(second, "SELECT pg_reload_conf()")
    try:
        status, output = play(cluster, "switchover", "--check", "-e", f"switchover_to={second}")
    finally:
        rules.write_text(before, encoding="utf-8")
        cluster.query(second, "SELECT pg_reload_conf()")
    assert (status != 0, f"[candidate_rejects] {second}" in output) == (True, True), output


def test_a_primary_whose_stop_takes_longer_than_its_time_is_started_again(cluster: Cluster) -> None:
    """A backend that does not end holds the stop up; it cannot be taken back."""
    first = cluster.names["db-1"]
    pid_file = cluster.layout.data_directory(first) / "postmaster.pid"
    started = cluster.query(first, "SELECT pg_postmaster_start_time()")
    state = cluster.layout.load()
    with cluster.user.account.effective():
        client = psycopg2.connect(
            host=str(cluster.layout.socket_directory(state, first)), port=state.ports[first], dbname="postgres"
        )
    with frozen(client.info.backend_pid):
        run = cluster.user.start("play", "restart", "-e", "restart_all=true", "-e", "postgres_timeout=10")
        wait_for(lambda: "stopping" in pid_file.read_text(encoding="utf-8"), "the stop of the primary", 300)
        assert run.stdout is not None
        said = ""
        while "stop_timed_out" not in said:
            line = run.stdout.readline()
            assert line, said
            said += line
    said += run.communicate(timeout=300)[0]
    assert (run.returncode, said.splitlines().count("healthy")) == (0, 1), said
    assert cluster.query(first, "SELECT pg_postmaster_start_time()") > started
    assert cluster.query(first, IN_RECOVERY) is False


def test_a_restart_that_was_given_up_is_finished_by_the_next_one(cluster: Cluster) -> None:
    first = cluster.names["db-1"]
    program = Path(cluster.layout.load().bin_directory) / "pg_ctl"
    stop = cluster.user.account.popen(
        [str(program), "stop", "-D", str(cluster.layout.data_directory(first))], stdout=-3, stderr=-3
    )
    assert stop.wait(60) == 0
    status, output = play(cluster, "restart")
    assert status == 0, output
    assert f"{first} primary restart 1 of 1: its server is stopped" in output
    assert cluster.query(first, IN_RECOVERY) is False


def test_nothing_of_the_configuration_keeps_the_others_from_following(cluster: Cluster) -> None:
    """Neither a setting that is overridden on the new primary, nor a checkpoint that it cannot make in time."""
    second, third = cluster.names["db-2"], cluster.names["db-3"]
    server = postmaster(cluster.layout.data_directory(second))
    assert server is not None
    (checkpointer,) = [
        pid for pid in children(server) if b"checkpointer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    with overridden(cluster, second):
        cluster.kill(cluster.names["db-1"])
        with frozen(checkpointer):
            status, output = play(cluster, "failover", "-e", f"failover_to={second}", "-e", "postgres_timeout=15")
        assert cluster.query(second, IN_RECOVERY) is False
        assert cluster.query(second, STREAMING) == 1, output
        assert status != 0, output
        assert f"[incomplete] {second} is the primary; left: " in output, output
        assert f"{second} is not configured as declared: wal_keep_size in " in output
        assert f"{second}: its first checkpoint as a primary failed (" in output
        assert cluster.query(third, IN_RECOVERY) is True
    status, output = play(cluster, "rejoin")
    assert status == 0, output


def test_no_task_that_fails_on_the_new_primary_keeps_the_others_from_following(cluster: Cluster) -> None:
    second = cluster.names["db-2"]
    nowhere = " postgres_passfile=/nonexistent/passfile"
    cluster.edit_inventory(rf"^({second}\b.*)$", rf"\1{nowhere}")
    try:
        cluster.kill(cluster.names["db-1"])
        status, output = play(cluster, "failover", "-e", f"failover_to={second}")
    finally:
        cluster.edit_inventory(rf"{nowhere}$", "")
    assert cluster.query(second, IN_RECOVERY) is False, output
    assert cluster.query(second, STREAMING) == 1, output
    assert status != 0, output
    assert f"{second} is not configured as declared: the directory /nonexistent of the passfile" in output, output
    assert "; /nonexistent: Permission denied" in output, output
    status, output = play(cluster, "rejoin")
    assert status == 0, output


def test_where_nothing_is_to_do_a_primary_that_cannot_be_written_to_keeps_no_other_node_claimed(
    cluster: Cluster,
) -> None:
    first = cluster.names["db-1"]
    cluster.query(first, "ALTER TABLE hotstandby.probe ADD CONSTRAINT never CHECK (false) NOT VALID")
    try:
        status, output = play(cluster, "site")
    finally:
        cluster.query(first, "ALTER TABLE hotstandby.probe DROP CONSTRAINT never")
    assert status != 0, output
    assert f"fatal: [{first}]: FAILED!" in output, output
    files = cluster.user.demo.glob("n*/hotstandby-*.run")
    claims = {path.parent.name: json.loads(path.read_text())["ended"] for path in files}
    assert {name: claims[name] for name in claims if name != first} == {
        cluster.names["db-2"]: True,
        cluster.names["db-3"]: True,
    }
    status, output = play(cluster, "site")
    assert status == 0, output


def test_check_mode_says_how_a_second_primary_comes_back(cluster: Cluster) -> None:
    first, third = cluster.names["db-1"], cluster.names["db-3"]
    assert cluster.query(third, "SELECT pg_promote()")
    cluster.query(third, "CREATE TABLE of_its_own AS SELECT 1")
    choice = ("-e", f"rejoin_primary={first}")
    status, output = play(cluster, "rejoin", "--check", *choice)
    assert status == 0, output
    assert f"{third} path: rewound would be rewound" in output
    assert cluster.query(third, IN_RECOVERY) is False
    status, output = play(cluster, "rejoin", *choice)
    assert status == 0, output
    assert cluster.query(third, IN_RECOVERY) is True


OWN = """
- import_playbook: status.yml

- name: A play of the user's own
  hosts: postgres_primary
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "mine: {{ groups['postgres_primary'] }} {{ groups['postgres_standby'] | sort }}"}

- import_playbook: switchover.yml

- import_playbook: status.yml

- name: Another one
  hosts: postgres_primary:&postgres_standby
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "in both: {{ inventory_hostname }}"}
"""


def test_plays_of_the_users_own_find_the_roles(cluster: Cluster) -> None:
    """Before a switchover in the same run, which acts on the roles as they are then, whatever was grouped."""
    first, second, third = (cluster.names[name] for name in ("db-1", "db-2", "db-3"))
    path = cluster.user.checkout / "playbooks" / "own.yml"
    path.write_text(OWN, encoding="utf-8")
    status, output = play(cluster, "own", "-e", f"switchover_to={second}")
    assert status == 0, output
    assert f"mine: ['{first}'] {sorted([second, third])}" in output.replace("''", "'"), output
    assert "in both" not in output
    assert f"{second}: it is in the group postgres_standby, from before the primary was moved" in output
    assert cluster.query(second, IN_RECOVERY) is False
    assert cluster.query(second, STREAMING) == 2
