# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long nobody can write when the primary moves, and where that time goes.

A primary and two standbys on three hosts over ssh (containers), pgbench's data and a light load by pgbench. By turns
the primary moves by hand and by switchover.yml, and after a kill -9 by hand and by failover.yml; rejoin.yml brings back
what stays behind. Each with all hosts there, and with a third one silently cut off. A client writes numbered rows and
counts what is lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from figures import Figure, cells, machine, markdown
from ground import ended_in_order, own_fleet, play, tell
from moves import BY_HAND, FAILOVER, KILLED_BY_HAND, SWITCHOVER, Move, Ways, primary_of, wait_until_streaming
from timeline import CLIENT, CONTROLLER, MILESTONES, Event, between, gap, milestones, of_log, rows, steps

from support import load, writer
from support.hosts import Fleet
from support.hosts.controller import Controller
from support.hosts.faults import cut, heal
from support.writer import NODES, Writer

LOG = "/var/log/postgresql/postgresql-15-main.log"
THIRD = "db-3"
SAME_BY_HAND = {SWITCHOVER: BY_HAND, FAILOVER: KILLED_BY_HAND}
MEGABYTES_PER_SCALE = 15
ALL_THERE, CUT = "all hosts there", f"{THIRD} silently cut off"


@dataclass
class Outage:
    """One time that nobody could write."""

    events: list[Event]
    last: float
    first: float
    reached: dict[str, float]
    lost: int

    @property
    def seconds(self) -> float:
        return self.first - self.last


@dataclass
class Kind:
    """One way in one variant."""

    way: str
    outages: list[Outage] = field(default_factory=list)
    to_first_row: Figure = field(default_factory=lambda: Figure(""))
    whole: Figure = field(default_factory=lambda: Figure(""))
    back: Figure = field(default_factory=lambda: Figure(""))
    gaps_while_back: list[float] = field(default_factory=list)
    lost_while_back: int = 0

    @property
    def unwritable(self) -> Figure:
        return Figure(self.way, [one.seconds for one in self.outages])


class Bench:
    """The cluster, and what was measured on it."""

    def __init__(self, fleet: Fleet, directory: Path) -> None:
        self.fleet = fleet
        self.user = Controller(fleet, directory)
        self.ways = Ways(fleet, self.user, directory)
        self.addresses = [fleet[name].address for name in NODES]
        self.kinds = {variant: {way: Kind(way) for way in self.ways.all} for variant in (ALL_THERE, CUT)}

    def build(self, scale: int) -> None:
        self.fleet.create()
        settings = {"log_timezone": "UTC", "log_line_prefix": "%m [%p] ", "max_wal_size": "2GB"}
        variables = {"postgres_hba": [dict(writer.ACCESS)], "postgres_settings": settings}
        self.user.inventory(["db-1"], ["db-2", "db-3"], variables=variables)
        self.user.playbook("site", check=True)
        writer.prepare(self.fleet["db-1"])
        load.initialise(self.addresses, scale)
        wait_until_streaming(self.fleet["db-1"], "db-2", "db-3")

    def move(self, variant: str, way: str) -> None:
        """Move the primary once, bring back what stayed behind, and leave the cluster whole."""
        old = primary_of(self.fleet, "db-1", "db-2")
        new = "db-2" if old == "db-1" else "db-1"
        kind = self.kinds[variant][way]
        with Writer(self.addresses) as client:
            if variant == CUT:
                cut(self.fleet[THIRD])
                client.proceed()
            move = self.ways.all[way](old, new)
            client.proceed()
            outage = self.seen(client, move, old, new)
            client.lap()
            before = outage.lost
            if way != SWITCHOVER:
                self.rejoin(kind, client, old, new, everybody=variant != CUT)
            heal(self.fleet[THIRD])
            lost = len(client.lost(self.fleet[new]))
        kind.lost_while_back += lost - before
        kind.outages.append(outage)
        kind.to_first_row.seconds.append(outage.first - move.begun)
        kind.whole.seconds.append(move.ended - move.begun)
        tell(f"{variant}, {way}, {old} to {new}: {outage.seconds:.2f} s without a row, {lost} rows lost")
        if variant == CUT:
            play(self.user, "rejoin")
        wait_until_streaming(self.fleet[new], old, THIRD)

    def seen(self, client: Writer, move: Move, old: str, new: str) -> Outage:
        """What the client and the servers' logs say of a move."""
        wall = time.time() - time.monotonic()
        last, first = gap([wall + at for at in client.acknowledged_at], move.begun)
        own = [
            Event(move.begun, CONTROLLER, "begins"),
            Event(move.ended, CONTROLLER, "ends"),
            Event(last, CLIENT, "last row"),
            Event(first, CLIENT, "first row"),
        ]
        logs = [event for host in NODES for event in of_log(host, self.fleet[host].read(LOG).decode(errors="replace"))]
        # a server may log that it is ready after a client has found it so
        events = between([*own, *move.events, *logs], min(last, move.begun), time.time())
        reached = {title: at - last for title, at in milestones(events, old, new).items()}
        return Outage(events, last, first, reached, len(client.lost(self.fleet[new])))

    def rejoin(self, kind: Kind, client: Writer, old: str, new: str, everybody: bool) -> None:
        """rejoin.yml until the old primary streams. A host that is cut off lets it end with an error."""
        run = play(self.user, "rejoin", check=everybody)
        wait_until_streaming(self.fleet[new], old)
        kind.back.seconds.append(time.time() - run.begun)
        client.proceed()
        kind.gaps_while_back.append(client.longest_gap().seconds)


def report(kinds: Mapping[str, Kind], variant: str) -> str:
    """The tables of one variant."""
    header = ("", "nobody can write: median s", "min to max s", "n", "to the same by hand", "rows lost")
    outages = []
    for kind in kinds.values():
        base = kinds[SAME_BY_HAND.get(kind.way, kind.way)].unwritable
        outages.append([*cells(kind.unwritable, base, digits=2), str(sum(one.lost for one in kind.outages))])
    reached = (steps(kind.way, [one.reached for one in kind.outages]) for kind in kinds.values())
    parts = [
        f"### {variant}",
        markdown(header, outages),
        "Medians of when it came, in seconds from the last acknowledged row:",
        markdown(("", *(one.title for one in MILESTONES)), reached),
        "The command, and rejoin.yml after it until the old primary streams (switchover.yml leaves nothing to do):",
        markdown(("", "median s", "min to max s", "n", "longest time without a row", "rows lost"), commands(kinds)),
    ]
    return "\n\n".join(parts)


def commands(kinds: Mapping[str, Kind]) -> list[list[str]]:
    found = []
    for kind in kinds.values():
        for name, figure in (("from its start to the first row", kind.to_first_row), ("the whole command", kind.whole)):
            found.append([*cells(Figure(f"{kind.way}, {name}", figure.seconds)), "", ""])
        if kind.back.seconds:
            row = cells(Figure(f"{kind.way}, then rejoin.yml", kind.back.seconds))
            found.append([*row, f"{max(kind.gaps_while_back):.2f}", str(kind.lost_while_back)])
    return found


def timeline(kind: Kind, variant: str) -> str:
    """The outage in the middle, event by event."""
    one = sorted(kind.outages, key=lambda outage: outage.seconds)[len(kind.outages) // 2]
    title = f"{kind.way}, {variant} ({one.seconds:.2f} s), in seconds from the last acknowledged row:"
    return f"{title}\n\n{markdown(('s', 'where', 'what'), rows(one.events, one.last))}"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-outage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often the primary moves in each way (default: 5)")
    parser.add_argument("--megabytes", type=int, default=1000, help="size of pgbench's data (default: 1000)")
    parser.add_argument("--rate", type=int, default=100, help="pgbench's transactions in a second (default: 100)")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    scale = max(options.megabytes // MEGABYTES_PER_SCALE, 1)
    with ended_in_order(), tempfile.TemporaryDirectory(prefix="hs-bench-") as name:
        fleet = own_fleet()
        bench = Bench(fleet, Path(name))
        try:
            tell(f"building a primary and two standbys with about {scale * MEGABYTES_PER_SCALE} MB")
            bench.build(scale)
            plan = [(variant, way) for variant in bench.kinds for way in bench.ways.all]
            with load.pgbench(bench.addresses, options.rate):
                for number in range(options.rounds):
                    for variant, way in plan[number % len(plan) :] + plan[: number % len(plan)]:
                        bench.move(variant, way)
        finally:
            fleet.destroy()
    print(machine([f"ansible-core {version('ansible-core')}", "Debian 12, PostgreSQL 15"]))
    for variant, kinds in bench.kinds.items():
        print(f"\n{report(kinds, variant)}")
    for variant, kinds in bench.kinds.items():
        for kind in kinds.values():
            print(f"\n{timeline(kind, variant)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
