# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways in which the primary moves from one host to another: by hand and by playbook, in order and after kill -9."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ground import Stamped, play
from timeline import CONTROLLER, Event, of_output

from support.hosts import Fleet, access
from support.hosts.controller import Controller
from support.hosts.faults import DATA, kill_postmaster
from support.hosts.host import Host
from support.hosts.states import BIN, in_recovery, serves
from support.waiting import wait_for

BY_HAND, SWITCHOVER = "by hand", "switchover.yml"
KILLED_BY_HAND, FAILOVER = "kill -9, by hand", "kill -9, failover.yml"
PROMOTE = ("sudo", "-u", "postgres", f"{BIN}/pg_ctl", "promote", "-w", "-D", DATA)


@dataclass
class Move:
    """A command that moved the primary, from its first keystroke to its prompt."""

    begun: float
    ended: float
    events: list[Event] = field(default_factory=list)


class Terminals:
    """What a person has open: a connection to each host, over which commands go without a new login."""

    def __init__(self, fleet: Fleet, directory: Path) -> None:
        self._fleet = fleet
        self._directory = directory

    def socket(self, host: str) -> Path:
        return self._directory / f"ssh-{host}"

    def command(self, host: str, *words: str) -> list[str]:
        plain = access.ssh_command(self._fleet[host].address, self._fleet.known_hosts, *words)
        shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={self.socket(host)}", "-o", "ControlPersist=600"]
        return [plain[0], *shared, *plain[1:]]

    def type(self, host: str, *words: str) -> None:
        """Run it and wait for its end, which must be a good one."""
        quiet = subprocess.DEVNULL  # the connection that stays would hold a pipe open
        status = subprocess.run(self.command(host, *words), stdin=quiet, stdout=quiet, stderr=quiet, check=False)
        if status.returncode:
            raise SystemExit(f"{host}: {' '.join(words)} ended with {status.returncode}")

    @contextlib.contextmanager
    def open(self, *hosts: str) -> Iterator[None]:
        for host in hosts:
            self.type(host, "true")
        try:
            yield
        finally:
            for host in hosts:
                access.close_connection(self.socket(host))


def type_all(terminals: Terminals, *typed: tuple[str, tuple[str, ...]]) -> Move:
    """One after the other."""
    move = Move(time.time(), 0.0)
    for host, words in typed:
        move.events.append(Event(time.time(), CONTROLLER, f"{host}: {' '.join(words)}"))
        terminals.type(host, *words)
    move.ended = time.time()
    return move


def of_run(run: Stamped) -> Move:
    return Move(run.begun, run.ended, of_output(run.lines))


def kill(host: Host) -> Event:
    kill_postmaster(host)
    return Event(time.time(), host.name, "killed")


@dataclass
class Ways:
    """Each moves the primary from `old` to `new`."""

    fleet: Fleet
    user: Controller
    directory: Path

    @property
    def all(self) -> dict[str, Callable[[str, str], Move]]:
        return {
            BY_HAND: self.by_hand,
            SWITCHOVER: self.switchover,
            KILLED_BY_HAND: self.killed_by_hand,
            FAILOVER: self.failover,
        }

    def by_hand(self, old: str, new: str) -> Move:
        """A checkpoint, pg_ctlcluster stop, pg_ctl promote; nobody else is pointed to the new primary."""
        terminals = Terminals(self.fleet, self.directory)
        with terminals.open(old, new):
            return type_all(
                terminals,
                (old, ("sudo", "-u", "postgres", "psql", "-Xqc", "CHECKPOINT")),
                (old, ("sudo", "pg_ctlcluster", "15", "main", "stop", "-m", "fast")),
                (new, PROMOTE),
            )

    def killed_by_hand(self, old: str, new: str) -> Move:
        """pg_ctl promote the moment that the primary is dead: nothing is compared, fenced or salvaged."""
        terminals = Terminals(self.fleet, self.directory)
        with terminals.open(new):
            killed = kill(self.fleet[old])
            move = type_all(terminals, (new, PROMOTE))
        move.events.append(killed)
        return move

    def switchover(self, dummy: str, new: str) -> Move:
        return of_run(play(self.user, "switchover", "-e", f"switchover_to={new}", check=False))

    def failover(self, old: str, new: str) -> Move:
        """The command is typed the moment that the primary is dead."""
        killed = kill(self.fleet[old])
        move = of_run(play(self.user, "failover", "-e", f"failover_to={new}", check=False))
        move.events.append(killed)
        return move


def streams(primary: Host, standby: str) -> bool:
    query = f"SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '{standby}'"
    return primary.sql(query) == [["1"]]


def wait_until_streaming(primary: Host, *standbys: str) -> None:
    for name in standbys:
        wait_for(partial(streams, primary, name), f"{name} to stream from {primary.name}", 300)


def primary_of(fleet: Fleet, *names: str) -> str:
    """The one of them that takes writes; there must be one."""
    found = [name for name in names if serves(fleet[name]) and not in_recovery(fleet[name])]
    if len(found) != 1:
        raise SystemExit(f"expected one primary, found {', '.join(found) or 'none'}")
    return found[0]
