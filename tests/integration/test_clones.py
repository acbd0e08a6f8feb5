# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""New standbys are cloned by a play: how many at once, and what is told meanwhile."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hotstandby_demo.layout import NODES
from support.account import test_account as account_of_tests
from support.demo_user import new_user
from support.emergencies import Cluster
from support.ports import PortReservation
from support.processes import processes_below, program_of
from support.waiting import wait_for

PROGRESS = re.compile(r"(\w+)  clone  \d+\.\d of \d+\.\d MB, (\d+) %, \d+\.\d [kM]B/s, \d+ s left")
STREAMING = "SELECT string_agg(application_name, ' ' ORDER BY application_name) FROM pg_stat_replication"


@dataclass(frozen=True)
class Told:
    """A line of the output, when it came, and who was copied to then."""

    text: str
    when: float
    copying: frozenset[str]


class Newcomers:
    """Nodes that the demo does not know yet, in an inventory beside its own."""

    def __init__(self, cluster: Cluster, ports: Mapping[str, int], variables: Mapping[str, str]) -> None:
        self.names = tuple(ports)
        self._cluster = cluster
        self._account = cluster.user.account
        state = cluster.layout.load()
        for name in self.names:
            for directory in (cluster.layout.node(name), cluster.layout.socket_directory(state, name)):
                directory.mkdir(mode=0o700)
                self._account.own(directory)
        self.inventory = cluster.user.demo / f"{'-'.join(self.names)}.ini"
        more = "".join(f" {name}={value}" for name, value in variables.items())
        lines = "".join(f"{name} postgres_port={port}{more}\n" for name, port in ports.items())
        self.inventory.write_text(f"[hot_standby]\n{lines}", encoding="utf-8")

    def run(self, *arguments: str) -> tuple[int, list[Told]]:
        """site.yml with them: its exit status, and each line as it came."""
        process = self._cluster.user.start("play", "site", "-i", str(self.inventory), *arguments)
        assert process.stdout is not None
        lines = [Told(line.rstrip("\n"), time.monotonic(), self.copying()) for line in process.stdout]
        return process.wait(), lines

    def progress_file(self, name: str) -> Path:
        (path,) = self._cluster.layout.node(name).glob("hotstandby-*.run")
        return path.with_suffix(".progress")

    def copying(self) -> frozenset[str]:
        """Those that are copied to just now."""
        return frozenset(name for name in self.names if self._copiers(self._cluster.layout.node(name)))

    @staticmethod
    def _copiers(directory: Path) -> bool:
        return any(program_of(pid) == "pg_basebackup" for pid in processes_below(directory / "data.hotstandby-clone"))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    user = new_user(account_of_tests())
    try:
        status, output = user.run("up")
        assert status == 0, output
        assert re.search(r"^n2 +standby +clone +there is no data directory$", output, re.MULTILINE), output
        assert not PROGRESS.search(output), "these clones are short"
        cluster = Cluster(user)
        cluster.name_nodes()
        yield cluster
    finally:
        user.close()


@pytest.fixture
def ports() -> Iterator[PortReservation]:
    reservation = PortReservation()
    try:
        yield reservation
    finally:
        reservation.release()


@contextmanager
def copies_watched(newcomers: Newcomers) -> Iterator[list[frozenset[str]]]:
    """Who is copied to at the same time, one set after the other, while the block lasts."""
    seen: list[frozenset[str]] = [frozenset()]
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.1):
            found = newcomers.copying()
            if seen[-1] != found:
                seen.append(found)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def check_progress(output: list[Told], newcomers: Newcomers) -> None:
    """Each told how far it was while it was copied to, at its own rate, and seldom."""
    for name in newcomers.names:
        found = [(line, match) for line in output if (match := PROGRESS.fullmatch(line.text)) and match[1] == name]
        assert len(found) >= 2, [line.text for line in output]
        percents = [int(match[2]) for dummy, match in found]
        assert percents == sorted(set(percents))
        assert all(0 < percent <= 100 for percent in percents)
        assert name in found[0][0].copying
        times = [line.when for line, dummy in found]
        assert all(later - sooner > 4 for sooner, later in itertools.pairwise(times))
        assert not newcomers.progress_file(name).exists()


def test_no_more_standbys_are_cloned_at_once_than_allowed(cluster: Cluster, ports: PortReservation) -> None:
    slow = {"hot_standby_clone_max_rate": "1200k"}
    newcomers = Newcomers(cluster, {name: ports.reserve() for name in ("n4", "n5", "n6")}, slow)
    with copies_watched(newcomers) as seen:
        status, output = newcomers.run("--forks", "10")
    assert status == 0, "\n".join(line.text for line in output)
    check_progress(output, newcomers)
    assert frozenset().union(*seen) == set(newcomers.names)
    assert max(map(len, seen)) == 2, seen
    # the third begins when one of the first two has ended
    first = next(index for index, found in enumerate(seen) if len(found) == 2)
    third = next(index for index, found in enumerate(seen) if found - seen[first])
    assert not seen[first] <= seen[third], seen
    names = " ".join((*NODES, *newcomers.names)[1:])
    wait_for(lambda: cluster.query(cluster.names["db-1"], STREAMING) == names, f"{names} to stream")
