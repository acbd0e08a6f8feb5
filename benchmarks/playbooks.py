# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each playbook takes with nothing to do and with one thing to do, against playbooks that do nothing.

Three hosts over ssh, in containers. All kinds are played in turn, so that what disturbs the machine disturbs them all.
With --against, another commit's playbooks are played in the same run, on a cluster of their own. The same set-up as
people write it with community.postgresql is built in the same run too, on hosts with the packages (peer.py).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from figures import Figure, machine, table
from ground import ended_in_order, own_fleet, tell
from moves import primary_of, wait_until_streaming
from peer import Builds, fetch
from timeline import gap

from support import writer
from support.hosts.controller import CHECKOUT, Controller, Run
from support.hosts.faults import kill_postmaster
from support.writer import NODES, Writer

NOTHING = """\
- name: Do nothing
  hosts: master:hot_standby
  gather_facts: false
  vars:
    ansible_pipelining: true
  tasks:
{tasks}"""
PING = "    - name: Do nothing {number}\n      ansible.builtin.ping:\n"
Play = Callable[[], Run]
# Kinds that are played after one another, in this order.
Group = list[tuple[Figure, Callable[[Figure], None]]]


class Side:
    """A cluster, and the checkout whose playbooks it is played by."""

    def __init__(self, name: str, checkout: Path, offset: int, directory: Path) -> None:
        self.fleet = own_fleet(offset)
        directory.mkdir()
        self.user = Controller(self.fleet, directory, checkout)
        self.prefix = f"{name}: " if name else ""
        self._number = 0

    def build(self) -> None:
        self.fleet.create()
        self.user.inventory(["db-1"], ["db-2", "db-3"], variables={"postgres_hba": [dict(writer.ACCESS)]})
        self.user.playbook("site", check=True)
        self.user.playbook("site", check=True)
        writer.prepare(self.fleet["db-1"])

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

    def moved(self, playbook: str, figure: Figure) -> None:
        """Play it while a client tries every few milliseconds to write a row. failover.yml: the primary is killed."""
        old = primary_of(self.fleet, *NODES)
        with Writer([self.fleet[name].address for name in NODES]) as client:
            if playbook == "failover":
                wait_until_streaming(self.fleet[old], *(name for name in NODES if name != old))
                kill_postmaster(self.fleet[old])
            begun = time.monotonic()
            measure(partial(self.user.playbook, playbook, check=True), figure)
            client.proceed()
            last, first = gap(client.acknowledged_at, begun)
        figure.unwritable.append(first - last)
        if primary_of(self.fleet, *NODES) != old:
            figure.first.append(first - begun)


def measure(play: Play, figure: Figure) -> None:
    """Play it once, and note what it took."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    run = play()
    figure.seconds.append(time.monotonic() - begun)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figure.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    figure.tasks = ", ".join(f"{run.recap[node]['ok']}/{run.recap[node]['skipped']}" for node in NODES)


def kinds(sides: Sequence[Side], builds: Builds) -> Iterator[Group]:
    """In the order of the table."""
    for count in (5, 20):
        yield [(Figure(f"{count} tasks that do nothing"), partial(measure, partial(sides[0].pings, count)))]
    for side in sides:
        yield [(Figure(f"{side.prefix}status.yml"), partial(measure, side.status))]
        yield [(Figure(f"{side.prefix}site.yml, nothing to do"), partial(measure, side.nothing))]
        yield [(Figure(f"{side.prefix}site.yml, a setting of each node"), partial(measure, side.setting))]
        yield [(Figure(f"{side.prefix}switchover.yml"), partial(side.moved, "switchover"))]
        # what the one leaves behind, the other one brings back
        yield [
            (Figure(f"{side.prefix}{name}.yml"), partial(side.moved, name)) for name in ("failover", "rejoin")
        ]
    for name, play in (("site.yml", builds.ours), ("the peer", builds.peer)):
        if play == builds.peer and not builds.collections:
            continue
        yield [
            (Figure(f"{name}, build with the packages there"), partial(measure_anew, builds, play)),
            (Figure(f"{name}, nothing to do after it"), partial(measure, play)),
        ]


def measure_anew(builds: Builds, play: Play, figure: Figure) -> None:
    builds.anew()
    if play == builds.ours:
        builds.without_clusters()
    measure(play, figure)


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
    with ended_in_order(), tempfile.TemporaryDirectory(prefix="hs-bench-") as name:
        directory = Path(name)
        collections, told = fetch()
        print(told, flush=True)
        sides = [Side("", CHECKOUT, 0, directory / "this")]
        if options.against:
            sides.append(Side(options.against, checkout_of(options.against, directory), 10, directory / "against"))
        builds = Builds(own_fleet(20), directory / "builds", collections)
        try:
            builds.create()
            for side in sides:
                side.build()
            found = list(kinds(sides, builds))
            for number in range(options.rounds):
                for group in found[number % len(found) :] + found[: number % len(found)]:
                    for figure, play in group:
                        play(figure)
                        tell(f"{figure.name}: {figure.seconds[-1]:.1f} s")
        finally:
            for fleet in [builds.fleet, *(side.fleet for side in sides)]:
                fleet.destroy()
    print(machine([f"ansible-core {version('ansible-core')}"]))
    print(table([figure for group in found for figure, _play in group], found[0][0][0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
