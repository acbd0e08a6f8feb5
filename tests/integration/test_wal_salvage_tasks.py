# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks salvage_fetch and salvage_install of role master: the files travel by the controller, and none stays behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.clones import wait_until_replayed
from support.modules import CHECKOUT, interpreter, readable_tree
from support.servers import Server, ServerFactory
from support.waiting import wait_for

PLAYBOOK = """\
- name: Fetch
  hosts: dead
  gather_facts: false
  any_errors_fatal: true
  environment: {PYTHONPATH: "{{ python_path }}"}
  tasks:
    - name: Know the node
      ansible.builtin.import_role: {name: hotstandby.postgresql.postgres, tasks_from: known}
    - name: Fetch
      ansible.builtin.import_role: {name: hotstandby.postgresql.master, tasks_from: salvage_fetch}

- name: Install
  hosts: candidate
  gather_facts: false
  any_errors_fatal: true
  environment: {PYTHONPATH: "{{ python_path }}"}
  tasks:
    - name: Know the node
      ansible.builtin.import_role: {name: hotstandby.postgresql.postgres, tasks_from: known}
    - name: Install
      ansible.builtin.import_role: {name: hotstandby.postgresql.master, tasks_from: salvage_install}
"""


class Run:
    """A directory of the controller's own, the plan, and the nodes that it is about."""

    def __init__(self, directory: Path, dead: Server, candidate: Server) -> None:
        self.directory = directory
        self.dead = dead
        self.candidate = candidate
        self.temporary = directory / "tmp"
        self.temporary.mkdir(parents=True)

    def __call__(self, salvage_from: str) -> subprocess.CompletedProcess[str]:
        control = self.candidate.run("pg_controldata", "-D", self.candidate.data_directory).stdout
        system = next(line.split()[-1] for line in control.splitlines() if "system identifier" in line)
        observed = {"server": {"timeline": 1}, "control": {"system_identifier": system}}
        shared = {
            "postgres_plan": {"salvage_from": salvage_from, "gone": "dead", "candidate": "candidate"},
            "postgres_records": {"candidate": {"observed": observed}},
            "python_path": str(readable_tree()),
        }
        hosts = {"dead": self.variables(self.dead), "candidate": self.variables(self.candidate)}
        inventory = {"all": {"vars": shared, "hosts": hosts}}
        (self.directory / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        (self.directory / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
        return subprocess.run(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                "-vvv",
                "--diff",
                "-i",
                self.directory / "inventory.json",
                self.directory / "playbook.yml",
            ],
            cwd=CHECKOUT,
            env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "TMPDIR": str(self.temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def variables(self, server: Server) -> dict[str, Any]:
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": interpreter(),
            "ansible_become_method": "su",
            "ansible_remote_tmp": "/tmp/.ansible-${USER}/tmp",
            "postgres_become": server.account_entry.switch,
            "postgres_become_user": server.account,
            "postgres_version": server.version,
            "postgres_bin_directory": str(server.bin_directory),
            "postgres_data_directory": str(server.data_directory),
            "postgres_config_directory": str(server.config_directory),
            "postgres_socket_directory": str(server.socket_directory),
            "postgres_port": server.port,
        }

    def left_over(self) -> list[str]:
        """What the runs have left anywhere."""
        found = [*self.temporary.glob("hotstandby-*"), *self.candidate.data_directory.rglob("*hotstandby-salvage*")]
        return [str(path) for path in found]


@pytest.fixture
def run(servers: ServerFactory, tmp_path: Path) -> Run:
    """The standby was held back, rows were written, over three segments, and the primary was killed."""
    dead = servers.primary()
    dead.sql("CREATE TABLE t (i int, secret text)")
    candidate = servers.standby("s", dead)
    wait_until_replayed(candidate, dead)
    candidate.sql("ALTER SYSTEM SET primary_conninfo = ''")
    candidate.reload()
    wait_for(lambda: candidate.sql("SELECT count(*) FROM pg_stat_wal_receiver") == [(0,)], "the walreceiver to end")
    for number in range(3):
        dead.sql("INSERT INTO t SELECT %s, 'swordfish' FROM generate_series(1, 1000)", (number,))
        dead.sql("SELECT pg_switch_wal()")
    dead.sql("INSERT INTO t VALUES (3, 'swordfish')")
    dead.kill()
    return Run(tmp_path / "controller", dead, candidate)


def position_of(candidate: Server) -> str:
    query = "SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text"
    return str(candidate.sql(query)[0][0])


def test_what_was_never_sent_is_brought_over(run: Run) -> None:
    position = position_of(run.candidate)
    done = run(position)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "candidate  salvaged from dead: " in done.stdout
    assert run.candidate.sql("SELECT i, count(*) FROM t GROUP BY i ORDER BY i") == [
        (0, 1000),
        (1, 1000),
        (2, 1000),
        (3, 1),
    ]
    assert run.left_over() == []
    # neither the WAL nor its copy in base64 is in the output of the run
    assert "swordfish" not in done.stdout + done.stderr
    assert len(done.stdout + done.stderr) < 1_000_000

    again = run(position)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "has replayed it already" in again.stdout

    # nothing is fetched when the candidate has it all
    nothing = run(position_of(run.candidate))
    assert nothing.returncode == 0, nothing.stdout + nothing.stderr
    assert "salvaged from" not in nothing.stdout
    assert run.left_over() == []


def test_what_is_not_there_ends_the_run_before_the_candidate_is_touched(run: Run) -> None:
    position = position_of(run.candidate)
    names = sorted(path.name for path in (run.candidate.data_directory / "pg_wal").iterdir())
    short = run("0/1000028")
    assert short.returncode != 0
    assert "[not_salvageable] dead: of the" in short.stdout
    assert "failover_salvage=false" in short.stdout
    assert position_of(run.candidate) == position
    assert sorted(path.name for path in (run.candidate.data_directory / "pg_wal").iterdir()) == names
    assert run.left_over() == []


def test_a_failure_on_the_candidate_leaves_no_copy(run: Run) -> None:
    run.candidate.sql("SELECT pg_wal_replay_pause()")
    failed = run(position_of(run.candidate))
    assert failed.returncode != 0
    assert "replay_paused" in failed.stdout
    assert run.left_over() == []
