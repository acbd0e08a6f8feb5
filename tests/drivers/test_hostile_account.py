# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's account is in other hands: nothing outside of its own is read, written or given to it by a playbook."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support import attacker, writer
from support.hosts import Fleet, snapshot
from support.hosts.controller import Controller, Run
from support.hosts.faults import DATA, UNIT, kill_postmaster, unmask
from support.hosts.host import Host
from support.hosts.states import assert_cluster, detach, plan, said

NODES = ("db-1", "db-2", "db-3")
HOME = "/var/lib/postgresql"
CONFIG = "/etc/postgresql/15/main"
LOG = "/var/log/postgresql/postgresql-15-main.log"
PROGRAM, ORDERS, COUNT = "/var/tmp/attacker.py", "/var/tmp/attacker.json", "/tmp/attacker.count"
ATTACK = "hotstandby-attacker"
CANARIES = "/srv/canaries"
# What start.conf may say, for who would edit it there, and what a log says, for who would tell of it.
WORDS = "manual\nFATAL:  what only root knows\n"
PIECE = "only root knows"
# Shelters, as a rewind of that directory would make them.
SHELTER = f"/tmp/hotstandby-rewind-{hashlib.sha256(DATA.encode()).hexdigest()[:12]}-x"
# Names at which playbooks make something, or made it once.
SCRATCH = (
    *(f"{CONFIG}/{name}.new" for name in ("postgresql.conf", "pg_hba.conf", "start.conf")),
    *(f"{CONFIG}/.{name}.hotstandby" for name in ("postgresql.conf", "pg_hba.conf", "start.conf")),
    *(f"{DATA}/{name}.new" for name in ("standby.signal", "postgresql.auto.conf", "hotstandby.promotion_pending")),
    *(f"{DATA}/.{name}.hotstandby" for name in ("postgresql.conf", "postgresql.auto.conf")),
    f"{DATA}/base/pgsql_tmp/pgsql_tmp.hotstandby-salvage",
    f"{DATA}/pg_wal/xlogtemp.hotstandby",
    f"{DATA}.hotstandby-clone",
    f"{DATA}.hotstandby-marker.new",
    f"{DATA}.hotstandby-rewind.new",
    f"{HOME}/hotstandby-15-main.pgpass.new",
    f"{HOME}/hotstandby-15-main.run.new",
    f"{HOME}/boot_guard",
    f"{HOME}/.ansible",
    SHELTER,
    "/tmp/hotstandby-salvage",
    "/tmp/hotstandby-salvage-15-main-5432",
)
# Files that root reads, or writes.
SWAPPED = (f"{CONFIG}/start.conf", LOG)
SPOKEN = (f"{DATA}/current_logfiles",)
# With these at work no playbook gets far.
ROUGH = (
    f"{HOME}/hotstandby-15-main.run",
    f"{CONFIG}/pg_hba.conf",
    f"{DATA}/postgresql.auto.conf",
    f"{DATA}/postmaster.pid",
    f"{DATA}/PG_VERSION",
    DATA,
)
ROUGH_SCRATCH = (
    *(f"{DATA}.hotstandby-{name}" for name in ("instance", "lock", "marker")),
    f"{DATA}/pg_wal/pgsql_tmp.hotstandby-replaced",
)
# Debian's own programs read these as root, through links, too: that they were read says nothing of a playbook.
READ_BY_DEBIAN = (CONFIG, LOG, f"{DATA}/PG_VERSION", f"{DATA}/postmaster.pid", f"{DATA}/postgresql.auto.conf")
# What no check of settings finds.
BROKEN = "printf \"ssl = on\\nssl_cert_file = '/nonexistent'\\n\""
# Everything where root keeps something, but for what a host writes of itself and what is the account's.
ROOTS = ("/boot", "/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var")
RESTLESS = (*snapshot.RESTLESS, "/etc/postgresql", HOME, "/var/tmp", "/var/cache", CANARIES)
# What the playbooks and this test write there: the guard's configuration, and the mask of a unit.
OURS = ("/usr/local/lib/hotstandby/", f"/etc/systemd/system/{UNIT}", "/etc/systemd/system/multi-user.target.wants")
_CANARIES = """
set -eu
mkdir -m 755 "$1"
mount -t tmpfs -o strictatime,mode=755 tmpfs "$1"
cd "$1"
mkdir -m 700 closed
mkdir -m 755 open
for place in . closed open; do
    for name in PG_VERSION postgresql.conf 000000010000000000000003 file; do
        printf %s "$2" >"$place/$name"
    done
done
words=$2
shift 2
for name; do printf %s "$words" >"$name"; done
chmod 600 closed/* *_*
chmod 644 open/*
touch -d 2001-01-01 . closed/* open/* *
"""
# The times of reading first, before they are read here; then as if nobody had.
_LIST = """
set -eu
cd "$1"
find . -printf '%p %y %U:%G %m %n %s %T@ %A@\\n' | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum
touch -d 2001-01-01 . closed/* open/* *
"""


@dataclass
class Siege:
    """The hosts, with root's canaries on them and the account at work."""

    fleet: Fleet
    before: dict[str, str] = field(default_factory=dict)
    rest: dict[str, dict[str, str]] = field(default_factory=dict)
    counts: list[dict[str, int]] = field(default_factory=list)

    def set_canaries(self) -> None:
        names = [attacker.name_of(path) for path in (*SCRATCH, *SWAPPED, *SPOKEN, *ROUGH, *ROUGH_SCRATCH)]
        for name in NODES:
            host = self.fleet[name]
            host.run("sh", "-c", _CANARIES, "sh", CANARIES, WORDS, *names)
            self.rest[name] = snapshot.take(host, ROOTS, RESTLESS)
            self.before[name] = host.run("sh", "-c", _LIST, "sh", CANARIES).stdout

    @contextmanager
    def laid(self, scratch: Sequence[str], swapped: Sequence[str], spoken: Sequence[str]) -> Iterator[None]:
        """The accounts at work meanwhile."""
        orders = {"scratch": scratch, "swapped": swapped, "spoken": spoken, "canaries": CANARIES, "count": COUNT}
        text = Path(attacker.__file__).read_text(encoding="utf-8")
        self._everywhere(lambda host: _begin(host, text, json.dumps(orders)))
        try:
            yield
        finally:
            self._everywhere(lambda host: host.run("systemctl", "stop", ATTACK))
        for name in NODES:
            count: dict[str, int] = json.loads(self.fleet[name].run("cat", COUNT).stdout)
            self.counts.append(count)
            assert count["planted"] > 100, count

    def findings(self) -> list[str]:
        """What has become of root's files."""
        return [f"{name}: {line}" for name in NODES for line in self._findings(name)]

    def _findings(self, name: str) -> Iterator[str]:
        host = self.fleet[name]
        then, now = (entries(text) for text in (self.before[name], host.run("sh", "-c", _LIST, "sh", CANARIES).stdout))
        ignored = {f"./{attacker.name_of(path)}" for path in _all_names() if path.startswith(READ_BY_DEBIAN)}
        for path in sorted({*then, *now}):
            was, became = then.get(path), now.get(path)
            # the account may read what is open to all
            if (path in ignored or path == "." or path.startswith("./open")) and was and became:
                was, became = was[:-1], became[:-1]
            if was != became:
                yield f"{path}: {was} -> {became}"
        for line in snapshot.differences(self.rest[name], snapshot.take(host, ROOTS, RESTLESS)):
            if not any(mark in line for mark in OURS):
                yield line

    def _everywhere(self, action: Callable[[Host], object]) -> None:
        with ThreadPoolExecutor(max_workers=len(NODES)) as pool:
            list(pool.map(lambda name: action(self.fleet[name]), NODES))


def _all_names() -> tuple[str, ...]:
    return (*SCRATCH, *SWAPPED, *SPOKEN, *ROUGH, *ROUGH_SCRATCH)


def _begin(host: Host, program: str, orders: str) -> None:
    for path, text in ((PROGRAM, program), (ORDERS, orders)):
        host.run("sh", "-c", 'printf %s "$2" >"$1"; chmod 644 "$1"', "sh", path, text)
    host.run("rm", "-f", COUNT)
    options = ["--collect", f"--unit={ATTACK}", "--uid=postgres", "--property=TimeoutStopSec=5"]
    host.run("systemd-run", *options, "sh", "-c", f"exec python3 {PROGRAM} <{ORDERS}")


def entries(listing: str) -> dict[str, tuple[str, ...]]:
    """By path what the listing says: its nature, the time of the last reading at the end, and a hash by itself."""
    found: dict[str, tuple[str, ...]] = {}
    for line in listing.splitlines():
        first, rest = line.split(" ", 1)
        if first.startswith("."):
            found[first] = tuple(rest.split())
        else:
            found[f"content of {rest.strip()}"] = (first,)
    return found


def until_done(controller: Controller, name: str, *arguments: str, tries: int = 4) -> list[Run]:
    """Run a playbook until it succeeds, since the account spoils its own work; all runs."""
    runs: list[Run] = []
    while not runs or runs[-1].returncode:
        assert len(runs) < tries, runs[-1].output
        runs.append(controller.playbook(name, "-vv", *arguments))
    return runs


def declare(controller: Controller, **settings: str) -> None:
    rule = {"database": "app", "user": "app", "address": "198.51.100.77/32"}
    hba = writer.VARIABLES["postgres_hba"]
    assert isinstance(hba, list)
    variables = {"postgres_hba": [*hba, rule], "postgres_settings": settings}
    controller.inventory(["db-1"], ["db-2", "db-3"], variables)


def test_nothing_but_its_own(cluster: Fleet, controller: Controller) -> None:
    """During site.yml, a failover that salvages, rejoin.yml, and a start that fails."""
    old, new, third = (cluster[name] for name in NODES)
    siege = Siege(cluster)
    siege.set_canaries()
    runs: list[Run] = []
    with siege.laid(SCRATCH, SWAPPED, SPOKEN):
        # a stopped standby that does not start at boot, and something to write everywhere
        third.run("systemctl", "stop", UNIT)
        third.run("sh", "-c", f"echo manual >{CONFIG}/start.conf", user="postgres")
        declare(controller, work_mem="5MB")
        runs += until_done(controller, "site")

        detach(third)
        detach(new)
        old.sql("CREATE TABLE alone AS SELECT i FROM generate_series(1, 5000) AS i")
        kill_postmaster(old, mask=True)
        runs += until_done(controller, "failover")
        assert any("salvage" in plan(run).get("db-2", []) for run in runs)
        assert any("salvaged from db-1" in run.stdout for run in runs)
        unmask(old)
        runs += until_done(controller, "rejoin")
    assert new.sql("SELECT count(*) FROM alone") == [["5000"]]
    assert_cluster(cluster, "db-2", ["db-1", "db-3"], on_timeline=2)

    # a start that fails, and says what the log says
    third.run("systemctl", "stop", UNIT)
    third.run("sh", "-c", f"{BROKEN} >>{CONFIG}/postgresql.conf", user="postgres")
    # and a start.conf that is a link all the time
    own = f"{CANARIES}/{attacker.name_of(f'{CONFIG}/start.conf')}"
    old.run("ln", "-sfn", own, f"{CONFIG}/start.conf", user="postgres")
    declare(controller, work_mem="6MB")
    with siege.laid(SCRATCH, SWAPPED, SPOKEN):
        runs.append(controller.playbook("site", "-vv"))
        said(runs[-1], "cannot_read")
        said(runs[-1], "start_failed")
        assert "could not load server certificate" in runs[-1].output
    with siege.laid((*SCRATCH, *ROUGH_SCRATCH), (*SWAPPED, *ROUGH), SPOKEN):
        runs.append(controller.playbook("site", "-vv"))
    found = siege.findings()
    assert found == [], "\n".join(found)
    assert [run.command for run in runs if PIECE in run.output] == []
