# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power cuts: several hosts go off at once and boot in some order; who takes writes then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from support.hosts.controller import Controller
from support.hosts.faults import DATA, UNIT, boot
from support.hosts.host import Host
from support.hosts.states import in_recovery, serves, timeline
from support.waiting import wait_for

# Hosts and the seconds between the one before and this one, in the order in which they boot.
Order = Sequence[tuple[Host, float]]
_WRITE = "CREATE TABLE IF NOT EXISTS boots (); DROP TABLE boots"


def fail_over(controller: Controller, old: Host, new: Host) -> None:
    """Promote the new primary while the host of the old one is off; then that host is up, its server is not.

    Its directory is kept for `as_left`.
    """
    old.run("systemctl", "stop", UNIT)
    old.run("cp", "-a", DATA, f"{DATA}.before")
    old.kill()
    dead = f"failover_primary_is_dead={old.name}"
    run = controller.playbook("failover", "-e", dead, "-e", f"failover_to={new.name}")
    assert run.returncode == 0, run.output
    boot(old)
    as_left(old)


def as_left(old: Host) -> None:
    """The old primary's directory again, as it was when its host was switched off."""
    old.run("systemctl", "stop", UNIT)
    old.run("sh", "-c", f"rm -rf {DATA} && cp -a {DATA}.before {DATA}")


def power_cut(hosts: Sequence[Host], order: Order, right: Host, on_timeline: int) -> float:
    """Switch all off, and on again in that order; how many seconds after the last of them `right` took a write.

    Only `right` may take writes, every other one of the order is its standby.
    """
    for host in hosts:
        if host.running:
            host.kill()
    for host, pause in order:
        time.sleep(pause)
        host.container.start()
    begun = time.monotonic()
    wait_for(partial(takes_writes, right), f"{right.name} to take writes", 180)
    seconds = time.monotonic() - begun
    for host, _pause in order:
        boot(host)
        wait_for(partial(serves, host), f"{host.name} to serve")
        assert in_recovery(host) == (host is not right), host.name
    assert timeline(right) == on_timeline
    return seconds


def takes_writes(host: Host) -> bool:
    """Whether a table can be made there."""
    return host.run("psql", "-Xqc", _WRITE, user="postgres", check=False).returncode == 0


def said_at_boot(host: Host) -> str:
    """What the server's unit has said since the host was switched on."""
    return host.run("journalctl", "--unit", UNIT, "--boot", "--no-pager").stdout
