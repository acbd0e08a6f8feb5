# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks take as a cluster grows: site.yml, status.yml and failover.yml with 2 to 32 nodes, and forks.

All nodes are small servers on this machine, as the demo's are, without ssh (ansible_connection=local): its cores do
the work of the controller and of every host. What grows with the nodes shows, what a network costs does not.
"""

from __future__ import annotations

import argparse
import compileall
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from figures import Figure, cells, machine, markdown
from ground import ended_in_order, tell

from hotstandby_demo.layout import Layout
from hotstandby_demo.stopping import alive, children, postmaster, stop_all
from support.account import test_account
from support.demo_user import DemoUser, new_user
from support.modules import interpreter
from support.ports import PortReservation
from support.processes import kill_tree
from support.servers import programs_for_tests, remove_shared_memory
from support.waiting import wait_for

INVENTORY = """\
[master]
{master}
[hot_standby]
{hot_standby}
[all:vars]
ansible_connection=local
ansible_python_interpreter='{python}'
ansible_remote_tmp='{directory}/tmp/ansible'
postgres_become=false
postgres_install_packages=false
postgres_service=pg_ctl
postgres_owner='{owner}'
postgres_layout=plain
postgres_version='{version}'
postgres_bin_directory='{bin_directory}'
postgres_address=127.0.0.1
postgres_listen_addresses=127.0.0.1
postgres_data_directory='{directory}/{{{{ inventory_hostname }}}}/data'
postgres_config_directory='{directory}/{{{{ inventory_hostname }}}}/data'
postgres_socket_directory='{directory}/{{{{ inventory_hostname }}}}/socket'
postgres_log_file='{directory}/{{{{ inventory_hostname }}}}/server.log'
postgres_passfile='{directory}/{{{{ inventory_hostname }}}}/replication.pgpass'
postgres_replication_password='known to the standbys'
postgres_wal_keep=32
postgres_settings={{'shared_buffers': '8MB', 'min_wal_size': '32MB', 'max_wal_size': '48MB', 'fsync': 'off'}}
"""
# On a disk: each clone has the primary begin a WAL file of 16 MB anew, which all the standbys get as well.
DIRECTORY = "/var/tmp"
KINDS = ("site.yml, build", "site.yml, nothing to do", "status.yml", "failover.yml")


class Cluster:
    """So many nodes below one directory, which are gone at the end; use `opened`."""

    def __init__(self, user: DemoUser, ports: Sequence[int]) -> None:
        self._user = user
        self._layout = Layout(user.home)
        self._nodes = {f"n{number}": port for number, port in enumerate(ports, 1)}

    @classmethod
    @contextmanager
    def opened(cls, count: int) -> Iterator[Cluster]:
        ports, user = PortReservation(), new_user(test_account())
        try:
            # its user cannot write any, and each run would compile all of it
            compileall.compile_dir(user.checkout / "plugins", quiet=2)
            cluster = cls(user, [ports.reserve() for dummy in range(count)])
            cluster.prepare()
            yield cluster
        finally:
            stop_all([user.directory])
            for left in user.home.glob("*/data*/postmaster.pid"):
                remove_shared_memory(left)
            user.close()
            ports.release()

    def prepare(self) -> None:
        """Directories, the inventory, and the link by which Ansible finds the checkout."""
        programs = programs_for_tests()
        link = self._user.home / "collections" / "ansible_collections" / "hotstandby" / "postgresql"
        sockets = [self._layout.node(name) / "socket" for name in self._nodes]
        for path in (*sockets, self._user.home / "tmp" / "ansible", link.parent):
            path.mkdir(parents=True)
        link.symlink_to(self._user.checkout)
        lines = [f"{name} postgres_port={port}\n" for name, port in self._nodes.items()]
        text = INVENTORY.format(
            master=lines[0],
            hot_standby="".join(lines[1:]),
            python=interpreter(),
            directory=self._user.home,
            owner=self._user.account.name,
            version=programs.version,
            bin_directory=programs.bin_directory,
        )
        self._layout.inventory.write_text(text, encoding="utf-8")
        for path in (self._user.home, *self._user.home.rglob("*")):
            if not path.is_symlink():
                self._user.account.own(path)

    def play(self, playbook: str, *options: str) -> float:
        """Seconds that it took; it must end with 0."""
        path = self._user.checkout / "playbooks" / f"{playbook}.yml"
        command = [interpreter(), "-m", "ansible", "playbook", "-i", str(self._layout.inventory), str(path), *options]
        begun = time.monotonic()
        process = self._user.account.popen(
            command,
            environ=self._environment(),
            home=self._user.home,
            directory=self._user.checkout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output = process.communicate()[0]
        finally:
            if process.poll() is None:  # we are told to end
                kill_tree(process)
        if process.returncode:
            raise SystemExit(f"{playbook}.yml {' '.join(options)} ended with {process.returncode}:\n{output}")
        return time.monotonic() - begun

    def kill_primary(self) -> None:
        """SIGKILL to the whole server of the first node."""
        pid = postmaster(self._layout.data_directory("n1"))
        if pid is None:
            raise SystemExit("no server runs on n1")
        server = [pid, *children(pid)]
        for number in server:
            os.kill(number, signal.SIGKILL)
        wait_for(lambda: not alive(server), "the primary to be gone")

    def _environment(self) -> dict[str, str]:
        temporary = str(self._user.home / "tmp" / "ansible")
        return {
            "ANSIBLE_CONFIG": str(self._user.checkout / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(self._user.home / "collections"),
            "ANSIBLE_HOME": temporary,
            "ANSIBLE_LOCAL_TEMP": temporary,
            "NO_COLOR": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(self._user.home / "tmp"),
        }


@dataclass
class Size:
    """What was measured with so many nodes; forks: site.yml with nothing to do, by forks."""

    nodes: int
    kinds: dict[str, Figure] = field(default_factory=lambda: {kind: Figure(kind) for kind in KINDS})
    forks: dict[int, Figure] = field(default_factory=dict)


def measure(size: Size, forks: Sequence[int]) -> None:
    """Build a cluster, use it, and throw it away."""
    with Cluster.opened(size.nodes) as cluster:
        for kind in KINDS:
            playbook = kind.partition(".")[0]
            options = []
            if playbook == "failover":
                for number in forks:
                    figure = size.forks.setdefault(number, Figure(f"{number} forks"))
                    figure.seconds.append(cluster.play("site", "--forks", str(number)))
                    tell(f"{size.nodes} nodes, site.yml, nothing to do, {figure.name}: {figure.seconds[-1]:.1f} s")
                cluster.kill_primary()
                options = ["-e", "failover_to=n2"]
            size.kinds[kind].seconds.append(cluster.play(playbook, *options))
            tell(f"{size.nodes} nodes, {kind}: {size.kinds[kind].seconds[-1]:.1f} s")


def report(sizes: Sequence[Size]) -> str:
    """Each playbook by the number of nodes, then the forks."""
    rows = []
    for kind in KINDS:
        base = sizes[0].kinds[kind]
        for size in sizes:
            figure = size.kinds[kind]
            row = cells(Figure(f"{kind}, {size.nodes} nodes", figure.seconds), base)
            rows.append([*row, f"{figure.median / size.nodes:.2f}"])
    header = ("", "median s", "min to max s", "n", f"to {sizes[0].nodes} nodes", "s per node")
    parts = [markdown(header, rows)]
    for size in sizes:
        if size.forks:
            base = next(iter(size.forks.values()))
            header = (f"site.yml, nothing to do, {size.nodes} nodes", *header[1:4], f"to {base.name}", "s per node")
            rows = [[*cells(one, base), f"{one.median / size.nodes:.2f}"] for one in size.forks.values()]
            parts.append(markdown(header, rows))
    return "\n\n".join(parts)


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-growth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each cluster is built (default: 3)")
    parser.add_argument("--nodes", type=numbers, default=[2, 4, 8, 16, 32], help="default: 2,4,8,16,32")
    parser.add_argument("--forks", type=numbers, default=[5, 10, 20, 40], help="of the largest (default: 5,10,20,40)")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    os.environ.setdefault("TMPDIR", DIRECTORY)
    sizes = [Size(nodes) for nodes in options.nodes]
    with ended_in_order():
        for _round in range(options.rounds):
            for size in sizes:
                measure(size, options.forks if size is sizes[-1] else ())
    print(machine([f"ansible-core {version('ansible-core')}", f"PostgreSQL {programs_for_tests().version}"]))
    print(report(sizes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
