# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each playbook takes with nothing to do and with one thing to do, against playbooks that do nothing.

Three hosts over ssh, in containers. All kinds are played in turn, so that what disturbs the machine disturbs them all.
With --against, another commit's playbooks are played in the same run, on a cluster of their own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from figures import Figure, machine, table

from support.hosts import Fleet
from support.hosts.controller import CHECKOUT, Controller, Run
from support.writer import NODES

NOTHING = """\
- name: Do nothing
  hosts: master:hot_standby
  gather_facts: false
  vars:
    ansible_pipelining: true
  tasks:
{tasks}"""
PING = "    - name: Do nothing {number}\n      ansible.builtin.ping:\n"


class Side:
    """A cluster, and the checkout whose playbooks it is played by."""

    def __init__(self, name: str, checkout: Path, first_address: int, directory: Path) -> None:
        hosts = {node: f"198.51.100.{first_address + number}" for number, node in enumerate(NODES)}
        self.fleet = Fleet(f"bench-{first_address}", hosts)
        directory.mkdir()
        self.user = Controller(self.fleet, directory, checkout)
        self.prefix = f"{name}: " if name else ""
        self._number = 0

    def build(self) -> None:
        self.fleet.create()
        self.user.inventory(["db-1"], ["db-2", "db-3"])
        self.user.playbook("site", check=True)
        self.user.playbook("site", check=True)

    def nothing(self) -> Run:
        return self.user.playbook("site", check=True)

    def status(self) -> Run:
        return self.user.playbook("status", check=True)

    def setting(self) -> Run:
        """One setting of every node differs, and is changed."""
        self._number += 1
        settings = f'{{"postgres_settings": {{"work_mem": "{4096 + self._number}kB"}}}}'
        run = self.user.playbook("site", "-e", settings, check=True)
        if not all(run.changed[node] for node in NODES):
            raise SystemExit(f"nothing was changed:\n{run.output}")
        return run

    def pings(self, count: int) -> Run:
        path = self.user.directory / f"nothing-{count}.yml"
        path.write_text(NOTHING.format(tasks="".join(PING.format(number=number) for number in range(count))))
        return self.user.run(("ansible-playbook", "-i", str(self.user.path), str(path)), check=True)


def measure(figure: Figure, play: Callable[[], Run]) -> None:
    """Play it once, and note what it took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run = play()
    figure.seconds.append(time.monotonic() - begun)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figure.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    figure.tasks = ", ".join(f"{run.recap[node]['ok']}/{run.recap[node]['skipped']}" for node in NODES)


def kinds(sides: Sequence[Side]) -> list[tuple[Figure, Callable[[], Run]]]:
    first = sides[0]
    found: list[tuple[Figure, Callable[[], Run]]] = [
        (Figure(f"{count} tasks that do nothing"), partial(first.pings, count)) for count in (5, 20)
    ]
    for side in sides:
        found += [
            (Figure(f"{side.prefix}status.yml"), side.status),
            (Figure(f"{side.prefix}site.yml, nothing to do"), side.nothing),
            (Figure(f"{side.prefix}site.yml, a setting of each node"), side.setting),
        ]
    return found


def checkout_of(commit: str, directory: Path) -> Path:
    """The tree of a commit, for Ansible to find."""
    path = directory / "other"
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(CHECKOUT), str(path)], check=True)
    subprocess.run(["git", "-C", str(path), "checkout", "--quiet", commit], check=True)
    return path


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-playbooks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is played (default: 5)")
    parser.add_argument("--against", metavar="COMMIT", help="another commit of this repository, played in the same run")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as name:
        directory = Path(name)
        sides = [Side("", CHECKOUT, 201, directory / "this")]
        if options.against:
            other = checkout_of(options.against, directory)
            sides.append(Side(options.against, other, 211, directory / "against"))
        try:
            for side in sides:
                side.build()
            found = kinds(sides)
            for number in range(options.rounds):
                for figure, play in found[number % len(found) :] + found[: number % len(found)]:
                    measure(figure, play)
        finally:
            for side in sides:
                side.fleet.destroy()
    print(machine([f"ansible-core {version('ansible-core')}"]))
    print(table([figure for figure, _play in found], found[0][0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
