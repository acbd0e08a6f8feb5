# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same set-up as people write it with community.postgresql and ansible.builtin: a peer to compare with.

The packages are there already. The collection comes from Galaxy, or out of the package `ansible` on PyPI; it is kept in
the cache directory of the test hosts, and the checkout depends on it in nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from support.hosts import Fleet
from support.hosts.controller import Controller, Run, environment
from support.hosts.engine import cache_directory

COLLECTION = "community.postgresql"
PACKAGE = "ansible ~= 12.3"
PART = "ansible_collections/community/postgresql/"
PATIENCE_SECONDS = 300.0
INSTALL = ("apt-get", "-q", "-y", "install", "postgresql", "python3-psycopg2")

PLAYBOOK = """\
---
- name: Every node
  hosts: master:hot_standby
  gather_facts: false
  become: true
  tasks:
    - name: Settings
      ansible.builtin.copy:
        dest: /etc/postgresql/15/main/conf.d/replication.conf
        content: |
          listen_addresses = '*'
          wal_level = replica
          wal_log_hints = on
          hot_standby = on
          max_wal_senders = 10
          max_replication_slots = 10
          wal_keep_size = 1024MB
          max_slot_wal_keep_size = 8192MB
        owner: postgres
        group: postgres
        mode: "0644"
      notify: Restart
    - name: Access rules
      community.postgresql.postgresql_pg_hba:
        dest: /etc/postgresql/15/main/pg_hba.conf
        contype: host
        databases: replication
        users: replicator
        source: "{{ hostvars[item].ansible_host }}/32"
        method: scram-sha-256
      loop: "{{ groups.master + groups.hot_standby }}"
      notify: Reload
    - name: Passfile
      ansible.builtin.copy:
        dest: /var/lib/postgresql/.pgpass
        content: "*:*:*:replicator:{{ peer_password }}\\n"
        owner: postgres
        group: postgres
        mode: "0600"
      no_log: true
  handlers:
    - name: Restart
      ansible.builtin.systemd_service:
        name: postgresql@15-main
        state: restarted
    - name: Reload
      ansible.builtin.systemd_service:
        name: postgresql@15-main
        state: reloaded

- name: Primary
  hosts: master
  gather_facts: false
  become: true
  become_user: postgres
  tasks:
    - name: Replication user
      community.postgresql.postgresql_user:
        name: replicator
        password: "{{ peer_password }}"
        role_attr_flags: LOGIN,REPLICATION
      environment:
        PGOPTIONS: "-c password_encryption=scram-sha-256"
      no_log: true
    - name: Slots
      community.postgresql.postgresql_slot:
        name: "{{ item | replace('-', '_') }}"
      loop: "{{ groups.hot_standby }}"

- name: Standbys
  hosts: hot_standby
  gather_facts: false
  become: true
  tasks:
    - name: Look for standby.signal
      ansible.builtin.stat:
        path: /var/lib/postgresql/15/main/standby.signal
      register: peer_signal
    - name: Make a standby
      when: not peer_signal.stat.exists
      block:
        - name: Stop
          ansible.builtin.systemd_service:
            name: postgresql@15-main
            state: stopped
        - name: Remove the empty cluster
          ansible.builtin.file:
            path: /var/lib/postgresql/15/main
            state: absent
        - name: Base backup
          ansible.builtin.command:
            argv:
              - pg_basebackup
              - --pgdata=/var/lib/postgresql/15/main
              - --host={{ hostvars[groups.master[0]].ansible_host }}
              - --username=replicator
              - --slot={{ inventory_hostname | replace('-', '_') }}
              - --wal-method=stream
              - --checkpoint=fast
              - --write-recovery-conf
          become_user: postgres
    - name: Start
      ansible.builtin.systemd_service:
        name: postgresql@15-main
        state: started

- name: Verify
  hosts: master
  gather_facts: false
  become: true
  become_user: postgres
  tasks:
    - name: Wait until every standby streams
      community.postgresql.postgresql_query:
        login_db: postgres
        query: SELECT count(*) AS n FROM pg_stat_replication WHERE state = 'streaming'
      register: peer_streaming
      until: peer_streaming.query_result[0].n == groups.hot_standby | length
      retries: 30
      delay: 1
"""


def fetch() -> tuple[Path | None, str]:
    """The collections path with the collection in it, and one line: which it is, or why it cannot be had."""
    path = cache_directory() / "peer"
    found = path / "ansible_collections" / "community" / "postgresql"
    reasons: list[str] = []
    for way in (from_galaxy, from_pypi):
        if not found.exists():
            reasons += way(path)
    if not found.exists():
        return None, f"{COLLECTION} cannot be had, the peer is left out: {'; '.join(reasons)}"
    with (found / "MANIFEST.json").open(encoding="utf-8") as file:
        said = [line.split('"')[3] for line in file if line.strip().startswith('"version"')]
    return path, f"{COLLECTION} {said[0]}"


def from_galaxy(path: Path) -> Iterator[str]:
    """Install it; why not, if not."""
    program = str(Path(sys.executable).with_name("ansible-galaxy"))
    yield from failed([program, "collection", "install", "--no-deps", "-p", str(path), COLLECTION])


def from_pypi(path: Path) -> Iterator[str]:
    """Take it, and nothing else, out of the package; why not, if not."""
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as name:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", name, PACKAGE]
        yield from failed(pip)
        for wheel in Path(name).glob("ansible-*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(path, [one for one in archive.namelist() if one.startswith(PART)])


def failed(command: list[str]) -> Iterator[str]:
    """Run it; why it failed, if it did."""
    try:
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield f"{Path(command[0]).name}: {error}"
        return
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        yield f"{Path(command[0]).name}: {lines[-1] if lines else 'it said nothing'}"


class Builds:
    """Hosts with the packages and no cluster of ours yet, built by the peer's playbook and by site.yml, by turns."""

    def __init__(self, fleet: Fleet, directory: Path, collections: Path | None) -> None:
        directory.mkdir()
        self.fleet = fleet
        self.collections = collections
        self.user = Controller(fleet, directory)

    def create(self) -> None:
        self.fleet.create()
        self.user.inventory(["db-1"], ["db-2", "db-3"], variables={"peer_password": "what the standbys know"})
        for host in self.fleet.hosts.values():
            host.run("env", "DEBIAN_FRONTEND=noninteractive", *INSTALL)
        self.fleet.save("packages")

    def anew(self) -> None:
        """The hosts as `create` has left them."""
        self.fleet.restore("packages")

    def without_clusters(self) -> None:
        """site.yml clones over no server of another cluster, and restarts none: it makes all three itself."""
        for host in self.fleet.hosts.values():
            host.run("pg_dropcluster", "--stop", "15", "main")

    def ours(self) -> Run:
        return self.user.playbook("site", check=True)

    def peer(self) -> Run:
        path = self.user.directory / "peer.yml"
        path.write_text(PLAYBOOK, encoding="utf-8")
        command = ("ansible-playbook", "-i", str(self.user.path), str(path))
        done = subprocess.run(
            command,
            cwd=self.user.checkout,
            env={**environment(), "ANSIBLE_COLLECTIONS_PATH": str(self.collections)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        run = Run(command, done.returncode, done.stdout, done.stderr)
        if run.returncode:
            raise SystemExit(f"the peer's playbook ended with {run.returncode}:\n{run.output}")
        return run
