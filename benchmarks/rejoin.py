# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An old primary comes back: rejoin.yml by rewind and by clone, against pg_rewind and a start by hand.

Two hosts over ssh (containers). Each time the standby is promoted and the primary goes on alone until so much WAL is
written; then it is stopped and brought back in one of the three ways, in turn. The programs of PostgreSQL tell when
they begin and end, so that what is not theirs is told apart.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

from figures import Figure, cells, machine, markdown
from ground import Stamped, ended_in_order, own_fleet, play, tell
from moves import Terminals, primary_of, wait_until_streaming
from timeline import between, medians, of_log, spans

from support.hosts import Fleet
from support.hosts.controller import Controller, Run
from support.hosts.faults import DATA, UNIT
from support.hosts.states import BIN, in_recovery, paths, plan
from support.waiting import wait_for

NODES = ("db-1", "db-2")
LOG = "/var/log/postgresql/postgresql-15-main.log"
CONFIGURATION = "/etc/postgresql/15/main/postgresql.conf"
PASSFILE = "/var/lib/postgresql/hotstandby-15-main.pgpass"
PROGRAMS = ("pg_rewind", "pg_basebackup", "pg_verifybackup")
TIMES = "/var/tmp/times"
# pg_rewind cannot deal with it, so rejoin.yml clones; base backups leave it out.
OBSTACLE = f"{DATA}/obstacle"
MEGABYTES_PER_SCALE = 15
LEAST_SECONDS = 0.2
_TELL = """
set -eu
mv "$1" "$1.real"
cat >"$1" <<END
#!/bin/sh
begun=\\$(date +%s.%N)
$1.real "\\$@"
status=\\$?
test "\\$*" = --version || echo "$(basename $1) \\$begun \\$(date +%s.%N)" >>$2
exit \\$status
END
chmod 755 "$1"
touch "$2"
chmod 666 "$2"
"""
_WRITE = """
DO $$
DECLARE
  begun pg_lsn := pg_current_wal_insert_lsn();
  accounts int := (SELECT max(aid) FROM pgbench_accounts);
BEGIN
  WHILE pg_current_wal_insert_lsn() - begun < {megabytes} * 1048576 LOOP
    UPDATE pgbench_accounts SET abalance = abalance + 1
    WHERE aid IN (SELECT 1 + (random() * accounts)::int FROM generate_series(1, 100));
    COMMIT;
  END LOOP;
END $$
"""


@dataclass
class Cell:
    """One size of data and one of divergence."""

    megabytes: int
    divergence: int
    raw: Figure = field(default_factory=lambda: Figure("pg_rewind and a start, by hand"))
    rewind: Figure = field(default_factory=lambda: Figure("rejoin.yml, rewind"))
    clone: Figure = field(default_factory=lambda: Figure("rejoin.yml, clone"))
    whole: dict[str, list[float]] = field(default_factory=lambda: {"rewind": [], "clone": []})
    programs: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {"raw": [], "rewind": [], "clone": []})
    ours: dict[str, list[dict[str, float]]] = field(default_factory=lambda: {"rewind": [], "clone": []})

    @property
    def name(self) -> str:
        return f"{self.megabytes} MB of data, {self.divergence} MB of divergence"


class Bench:
    """The two hosts."""

    def __init__(self, fleet: Fleet, directory: Path) -> None:
        self.fleet = fleet
        self.user = Controller(fleet, directory)
        self.terminals = Terminals(fleet, directory)

    def build(self) -> None:
        self.fleet.create()
        settings = {"log_timezone": "UTC", "log_line_prefix": "%m [%p] ", "max_wal_size": "4GB"}
        self.user.inventory(["db-1"], ["db-2"], variables={"postgres_settings": settings})
        self.user.playbook("site", check=True)
        for host in self.fleet.hosts.values():
            for program in PROGRAMS:
                host.run("sh", "-c", _TELL, "sh", f"{BIN}/{program}", TIMES)

    def fill(self, megabytes: int) -> None:
        primary = self.fleet[primary_of(self.fleet, *NODES)]
        scale = max(megabytes // MEGABYTES_PER_SCALE, 1)
        options = ("--initialize", "--init-steps=dtGvp", "--quiet", f"--scale={scale}")
        primary.run(f"{BIN}/pgbench", *options, "postgres", user="postgres")
        primary.sql("CHECKPOINT")
        self.wait_until_whole()

    def wait_until_whole(self) -> None:
        """The standby streams and has replayed all."""
        new = primary_of(self.fleet, *NODES)
        wait_until_streaming(self.fleet[new], other(new))
        lacks = "SELECT pg_current_wal_flush_lsn() - replay_lsn FROM pg_stat_replication"
        wait_for(lambda: int(float(self.fleet[new].sql(lacks)[0][0])) < 16384, "the standby to replay all", 900)

    def diverge(self, megabytes: int) -> tuple[str, str]:
        """The old primary, stopped, and the new one."""
        old = primary_of(self.fleet, *NODES)
        new = other(old)
        self.fleet[new].sql("SELECT pg_promote()")
        wait_for(lambda: not in_recovery(self.fleet[new]), f"{new} to be a primary")
        self.fleet[old].sql(_WRITE.format(megabytes=megabytes))
        self.fleet[old].run("systemctl", "stop", UNIT)
        self.fleet[old].run("sh", "-c", f": >{TIMES}")
        return old, new

    def back(self, cell: Cell, way: str) -> None:
        old, new = self.diverge(cell.divergence)
        begun = time.time()
        if way == "raw":
            with self.terminals.open(old, new):
                begun = time.time()
                self.by_hand(old, new)
        else:
            self.ours(cell, way, old, new)
        streaming = self.streams_since(old, begun)
        figure = {"raw": cell.raw, "rewind": cell.rewind, "clone": cell.clone}[way]
        figure.seconds.append(streaming - begun)
        cell.programs[way].append(self.programs(old))
        tell(f"{cell.name}, {figure.name}: {figure.seconds[-1]:.1f} s until it streams")
        if way == "raw":  # the service manager does not know of it, nor the primary of a slot
            self.fleet[old].run(f"{BIN}/pg_ctl", "stop", "-m", "fast", "-D", DATA, user="postgres")
            play(self.user, "rejoin")
        self.wait_until_whole()

    def by_hand(self, old: str, new: str) -> None:
        source = f"host={self.fleet[new].address} user=replicator dbname=postgres passfile={PASSFILE}"
        target = (f"--target-pgdata={DATA}", f"--config-file={CONFIGURATION}", "--write-recovery-conf")
        # what pg_rewind brings over names the slot by which the new primary followed
        no_slot = f"echo primary_slot_name=\\'\\' | sudo -u postgres tee -a {DATA}/postgresql.auto.conf"
        postgres = ("sudo", "-u", "postgres")
        self.terminals.type(new, *postgres, "psql", "-Xqc", "CHECKPOINT")
        self.terminals.type(old, *postgres, f"{BIN}/pg_rewind", *target, f"--source-server='{source}'")
        self.terminals.type(old, no_slot)
        self.terminals.type(old, *postgres, "pg_ctlcluster", "--skip-systemctl-redirect", "15", "main", "start")

    def ours(self, cell: Cell, way: str, old: str, new: str) -> None:
        """rejoin.yml; where a rewind is not possible, it clones."""
        if way == "clone":
            self.fleet[new].run("mkfifo", OBSTACLE, user="postgres")
        run = play(self.user, "rejoin")
        self.fleet[new].run("rm", "-f", OBSTACLE)
        if way not in steps_of(run, old):
            raise SystemExit(f"{old} was not brought back by {way}:\n{run.output}")
        cell.whole[way].append(run.seconds)
        cell.ours[way].append(spans(run.lines, run.begun, run.ended))

    def streams_since(self, old: str, begun: float) -> float:
        """When the old primary's server said that it streams."""

        def found() -> list[float]:
            log = of_log(old, self.fleet[old].read(LOG).decode(errors="replace"))
            return [e.at for e in between(log, begun, time.time()) if e.what.startswith("started streaming")]

        return wait_for(found, f"{old} to stream")[0]

    def programs(self, old: str) -> dict[str, float]:
        """What each run of PostgreSQL's programs took there."""
        runs = [line.split() for line in self.fleet[old].read(TIMES).decode().splitlines()]
        names = [name for name, _begun, _ended in runs]
        numbered = [f"{name} {names[: i + 1].count(name)}" for i, name in enumerate(names)]
        return {name: float(ended) - float(begun) for name, (_name, begun, ended) in zip(numbered, runs, strict=True)}


def other(node: str) -> str:
    return NODES[1 - NODES.index(node)]


def steps_of(run: Stamped, host: str) -> list[str]:
    """What was planned for it."""
    done = Run((), run.returncode, run.output, "")
    return [*plan(done).get(host, []), paths(done).get(host, "")]


def report(cell: Cell) -> str:
    """What each way took, and of what."""
    header = ("", "until it streams: median s", "min to max s", "n", "to by hand", "whole command s", "programs s")
    figures = (("raw", cell.raw), ("rewind", cell.rewind), ("clone", cell.clone))
    rows = []
    for way, figure in figures:
        whole = cells(Figure("", cell.whole.get(way, [])))[1]
        programs = ", ".join(f"{name}: {taken:.1f}" for name, taken in medians(cell.programs[way], 0.0)[:-1])
        rows.append([*cells(figure, cell.raw), whole, programs])
    parts = [f"### {cell.name}", markdown(header, rows)]
    for way in ("rewind", "clone"):
        parts.append(f"What rejoin.yml did for a {way}, medians; the programs' time is within the task that runs them:")
        named = [[name, f"{seconds:.1f}"] for name, seconds in medians(cell.ours[way], LEAST_SECONDS)]
        parts.append(markdown(("task", "s"), named))
    return "\n\n".join(parts)


def sizes(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-rejoin", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each way is gone (default: 3)")
    parser.add_argument("--megabytes", type=sizes, default=[1000, 4000], help="sizes of the data (default: 1000,4000)")
    parser.add_argument("--divergence", type=sizes, default=[16, 256], help="MB of WAL that go (default: 16,256)")
    return parser.parse_args()


def measure(bench: Bench, rounds: int, megabytes: int, divergences: Sequence[int]) -> list[Cell]:
    """All of one size."""
    tell(f"filling with about {megabytes} MB")
    bench.fill(megabytes)
    found = [Cell(megabytes, divergence) for divergence in divergences]
    todo: list[Callable[[], None]] = [
        partial(bench.back, cell, way) for cell in found for way in ("raw", "rewind", "clone")
    ]
    for number in range(rounds):
        for go in todo[number % len(todo) :] + todo[: number % len(todo)]:
            go()
    return found


def main() -> int:
    options = parse_arguments()
    found: list[Cell] = []
    with ended_in_order(), tempfile.TemporaryDirectory(prefix="hs-bench-") as name:
        fleet = own_fleet(nodes=NODES)
        bench = Bench(fleet, Path(name))
        try:
            bench.build()
            for megabytes in options.megabytes:
                found += measure(bench, options.rounds, megabytes, options.divergence)
        finally:
            fleet.destroy()
    print(machine([f"ansible-core {version('ansible-core')}", "Debian 12, PostgreSQL 15"]))
    for cell in found:
        print(f"\n{report(cell)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
