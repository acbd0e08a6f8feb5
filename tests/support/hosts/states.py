# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What state a cluster on the test hosts is in, asked of its servers, and what a playbook said of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from support.hosts.controller import Run
from support.hosts.fleet import Fleet
from support.hosts.host import Host
from support.waiting import wait_for

BIN = "/usr/lib/postgresql/15/bin"
PORT = 5432
NO_PORTS: Mapping[str, int] = MappingProxyType({})

_ROLES = "(?:primary|standby|gone)"
_KINDS = "(none|create|start|follow|rewind|clone|fence|catch_up|salvage|promote|hand_over|restart)"
_PLAN_LINE = re.compile(rf"^(\S+)\s+{_ROLES}\s+{_KINDS}\s", re.MULTILINE)


def refused(run: Run, name: str) -> str:
    """The line of the refusal of that name; nothing was changed anywhere."""
    line = said(run, name)
    assert not any(run.changed.values()), run.output
    return line


def said(run: Run, name: str) -> str:
    """The line by which a run that failed says what it is called, or a task of it, whose module calls it so."""
    assert run.returncode != 0, run.output
    marks = (f"[{name}]", f"error_name: {name}")
    lines = [line.strip() for line in run.output.splitlines() if any(mark in line for mark in marks)]
    assert lines, run.output
    return lines[0]


def plan(run: Run) -> dict[str, list[str]]:
    """The kinds of the steps in the plan that was printed, by host; what was printed twice counts once."""
    found: dict[str, list[str]] = {}
    for host, kind in _PLAN_LINE.findall(run.stdout):
        if kind not in found.setdefault(host, []):
            found[host].append(kind)
    return found


def paths(run: Run) -> dict[str, str]:
    """How each diverged node was brought back, by host."""
    return dict(re.findall(r"^(\S+)  path: (\w+)", run.stdout, re.MULTILINE))


def plan_line(run: Run, host: str, kind: str) -> str:
    """The line of the plan with that step of that host."""
    lines = [line for line in run.stdout.splitlines() if re.match(rf"{host}\s+{_ROLES}\s+{kind}\s", line)]
    assert lines, run.output
    return lines[0]


def slot_of(name: str) -> str:
    """The slot of a node."""
    return f"hotstandby_{name.replace('-', '_')}"


def in_recovery(host: Host, port: int = PORT) -> bool:
    """Whether the server that runs there refuses writes."""
    return host.sql("SELECT pg_is_in_recovery()", port=port) == [["t"]]


def serves(host: Host) -> bool:
    """Whether a server runs there and answers."""
    return host.running and host.run("psql", "-Xc", "SELECT 1", user="postgres", check=False).returncode == 0


def timeline(primary: Host, port: int = PORT) -> int:
    """The timeline that a primary writes now."""
    return int(primary.sql("SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)", port=port)[0][0], 16)


def position(primary: Host, port: int = PORT) -> str:
    """The LSN up to which a primary has written."""
    return primary.sql("SELECT pg_current_wal_flush_lsn()", port=port)[0][0]


def has_replayed(standby: Host, lsn: str, port: int = PORT) -> bool:
    """Whether the standby has replayed up to there."""
    return standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{lsn}'", port=port) == [["t"]]


def wait_until_replayed(standby: Host, lsn: str, port: int = PORT) -> None:
    """Wait until the standby has replayed up to there."""
    wait_for(lambda: has_replayed(standby, lsn, port), f"{standby.name} to replay {lsn}")


def detach(standby: Host) -> None:
    """Let a standby receive nothing more: it goes on, alone, until it is told again whom to follow."""
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.sql("SELECT pg_reload_conf()")
    wait_for(lambda: standby.sql("SELECT 1 FROM pg_stat_wal_receiver") == [], f"{standby.name} to stop receiving")


def promote(standby: Host) -> None:
    """Make it a primary by hand, behind the playbooks' back."""
    standby.sql("SELECT pg_promote()")
    wait_for(lambda: not in_recovery(standby), f"{standby.name} to be a primary")


def content(host: Host, port: int = PORT) -> str:
    """A hash over everything that a dump of the whole server has."""
    dump = host.run("pg_dumpall", "-p", str(port), user="postgres").stdout
    # newer releases put a random key into these lines
    lines = [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def leftovers(host: Host) -> list[str]:
    """What clones and rewinds put aside and have not taken away."""
    return host.run("find", "/", "-xdev", "-ignore_readdir_race", "-name", "*.hotstandby-*").stdout.split()


def assert_cluster(
    fleet: Fleet,
    primary: str,
    standbys: Sequence[str],
    on_timeline: int,
    ports: Mapping[str, int] = NO_PORTS,
) -> None:
    """The cluster is whole, seen from both sides: these roles, this timeline, no slot too many, equal contents.

    `ports`: by host, where it is not the usual one. Nobody may be writing meanwhile.
    """
    head, head_port = fleet[primary], ports.get(primary, PORT)
    assert not in_recovery(head, head_port)
    assert timeline(head, head_port) == on_timeline
    attached = "SELECT application_name, state FROM pg_stat_replication ORDER BY 1"
    assert head.sql(attached, port=head_port) == [[name, "streaming"] for name in sorted(standbys)]
    # nodes that are away may have one too, that waits for them; others have none
    away = [name for name in ("db-1", "db-2", "db-3") if name not in (primary, *standbys)]
    slots = head.sql("SELECT slot_name, active FROM pg_replication_slots ORDER BY 1", port=head_port)
    assert [slot for slot in slots if slot[0] not in map(slot_of, away)] == [
        [slot_of(n), "t"] for n in sorted(standbys)
    ]
    # streaming seen once is no proof: a row has to arrive that is written now
    head.sql("CREATE TABLE IF NOT EXISTS looked_at (at timestamptz)", port=head_port)
    head.sql("INSERT INTO looked_at VALUES (clock_timestamp())", port=head_port)
    lsn = position(head, head_port)
    expected = content(head, head_port)
    receives = "SELECT status, received_tli, sender_host, slot_name FROM pg_stat_wal_receiver"
    for name in standbys:
        host, port = fleet[name], ports.get(name, PORT)
        wait_until_replayed(host, lsn, port)
        assert in_recovery(host, port)
        assert host.sql(receives, port=port) == [["streaming", str(on_timeline), head.address, slot_of(name)]], name
        assert f"host={host.address} " not in host.sql("SHOW primary_conninfo", port=port)[0][0], "follows itself"
        assert host.sql("SELECT count(*) FROM pg_replication_slots", port=port) == [["0"]], name
        assert content(host, port) == expected, name
