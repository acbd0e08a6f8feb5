# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks salvage_fetch and salvage_install of role master: the files travel by the controller, and none stays behind."""

from __future__ import annotations

import json
import os
import signal
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
      ansible.builtin.import_role: {name: hotstandby.postgresql.postgres, tasks_from: variables}
    - name: Fetch
      ansible.builtin.import_role: {name: hotstandby.postgresql.master, tasks_from: salvage_fetch}

- name: Install
  hosts: candidate
  gather_facts: false
  any_errors_fatal: true
  environment: {PYTHONPATH: "{{ python_path }}"}
  tasks:
    - name: Know the node
      ansible.builtin.import_role: {name: hotstandby.postgresql.postgres, tasks_from: variables}
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
        self.home = directory / "home"
        self.home.mkdir()
        self.interpreters: dict[str, str] = {}

    def __call__(self, salvage_from: str) -> subprocess.CompletedProcess[str]:
        with self.start(salvage_from) as process:
            output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, salvage_from: str) -> subprocess.Popen[str]:
        control = self.candidate.run("pg_controldata", "-D", self.candidate.data_directory).stdout
        system = next(line.split()[-1] for line in control.splitlines() if "system identifier" in line)
        observed = {"server": {"timeline": 1}, "control": {"system_identifier": system}}
        shared = {
            "postgres_plan": {"salvage_from": salvage_from, "old_primary": "dead", "candidate": "candidate"},
            "postgres_records": {
                "dead": {"declared": {"endpoint": "127.0.0.1 1"}},
                "candidate": {"declared": {"endpoint": "127.0.0.1 2"}, "observed": observed},
            },
            "python_path": str(readable_tree()),
        }
        hosts = {"dead": self.variables(self.dead), "candidate": self.variables(self.candidate)}
        for name, program in self.interpreters.items():
            hosts[name]["ansible_python_interpreter"] = program
        inventory = {"all": {"vars": shared, "hosts": hosts}}
        (self.directory / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
        (self.directory / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
        return subprocess.Popen(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                "-vvv",
                "--diff",
                "-i",
                self.directory / "inventory.json",
                self.directory / "playbook.yml",
            ],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
                "TMPDIR": str(self.temporary),
                "HOME": str(self.home),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
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
        found = [*self.temporary.rglob("*hotstandby-*"), *self.candidate.data_directory.rglob("*hotstandby-salvage*")]
        found += [*self.home.rglob("*hotstandby-*"), *Path("/var/lib").glob("hotstandby-salvage-*")]
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


SWAP = """\
import os, sys
inbox, vault = sys.argv[1:]
number = 0
print("ready", flush=True)
while True:
    if os.path.isdir(inbox) and not os.path.islink(inbox):
        number += 1
        try:
            os.rename(inbox, inbox + "." + str(number))
            os.symlink(vault, inbox)
        except OSError:
            pass
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="where nobody is root nothing of root's can be reached")
def test_links_that_the_account_plants_lead_root_nowhere(run: Run, tmp_path: Path) -> None:
    """The finding: a file of the account's came into being in a directory that only root may enter."""
    vault = tmp_path / "vault"
    vault.mkdir(mode=0o700)
    inbox = run.candidate.data_directory / "base" / "pgsql_tmp" / "pgsql_tmp.hotstandby-salvage"
    before = vault.stat()
    attacker = run.candidate.account_entry.popen(
        [interpreter(), "-c", SWAP, str(inbox), str(vault)], stdout=subprocess.PIPE
    )
    try:
        assert attacker.stdout
        assert attacker.stdout.readline() == "ready\n"
        done = run(position_of(run.candidate))
    finally:
        attacker.kill()
        attacker.wait()
    assert list(vault.iterdir()) == []
    assert (vault.stat().st_uid, vault.stat().st_mode) == (before.st_uid, before.st_mode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.candidate.sql("SELECT count(*) FROM t") == [(3001,)]
    assert run.left_over() == []


LIAR = """\
#!{python}
import json, sys
sys.stdin.read()
print(json.dumps(dict(
    changed=False, needed=True, salvageable=True, end="0/8000060", bytes=1, missing=[], reason="so much",
    segments=[dict(name={name!r}, path={path!r}, bytes=4)],
)))
"""


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../../etc/cron.d/x", "/etc/cron.d/x"),
        ("000000010000000000000005", "/home/postgres/.profile"),
        (".profile", "/home/postgres/.profile"),
        ("000000010000000000000005\n", "/wal/000000010000000000000005\n"),
        ("00000002.history", "/wal/00000002.history"),
    ],
)
def test_a_dead_primary_in_other_hands_chooses_no_names(run: Run, name: str, path: str) -> None:
    program = run.dead.directory / "python"
    program.write_text(LIAR.format(python=interpreter(), name=name, path=path))
    program.chmod(0o755)
    run.interpreters["dead"] = str(program)
    done = run("0/5000000")
    assert done.returncode != 0
    assert "this host names files that are no segments of WAL" in done.stdout, done.stdout
    assert run.left_over() == []


def test_what_a_killed_run_has_left_is_gone_after_the_next(run: Run) -> None:
    process = run.start(position_of(run.candidate))
    staging = run.home / ".ansible" / "tmp"
    wait_for(lambda: any(staging.glob("hotstandby-salvage-*/0*")), "a segment to be on the controller")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    [left] = staging.glob("hotstandby-salvage-*")
    assert left.stat().st_mode & 0o777 == 0o700
    done = run(position_of(run.candidate))
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.left_over() == []
