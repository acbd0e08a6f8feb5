# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may befall a host, its network and its server, beyond being switched off (that is a method of Host)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from docker.errors import APIError

from support.hosts.fleet import SUBNET
from support.hosts.host import BOOT_TIMEOUT_SECONDS, Host
from support.waiting import wait_for

CONTROLLER = SUBNET.replace(".0/24", ".1")
UNIT = "postgresql@15-main"
DATA = "/var/lib/postgresql/15/main"

_TABLE = "ip hotstandby_cut"
# Packets vanish both ways before anything else sees them, and are counted by the address at the other end.
# What the host says to itself (its own address goes through lo) is left alone.
_CUT = f"""
table {_TABLE}
delete table {_TABLE}
table {_TABLE} {{
  set received {{ type ipv4_addr; size 256; flags dynamic; }}
  set sent {{ type ipv4_addr; size 256; flags dynamic; }}
  chain arriving {{
    type filter hook prerouting priority -300; policy accept;
    iifname "lo" accept
    FROM update @received {{ ip saddr counter }} drop
  }}
  chain leaving {{
    type filter hook output priority -300; policy accept;
    oifname "lo" accept
    TO update @sent {{ ip daddr counter }} drop
  }}
}}
"""
_HEAL = f"table {_TABLE}\ndelete table {_TABLE}\n"

# Held first, so that it starts no child between the look at its children and its end.
_KILL_POSTMASTER = """
set -eu
pid=$(head -n 1 "$1/postmaster.pid")
kill -STOP "$pid"
all="$pid $(pgrep --parent "$pid" | tr '\\n' ' ')"
kill -KILL $all 2>/dev/null || true  # a child may have ended by itself; the postmaster was there just now
echo $all
"""


def cut(host: Host, *peers: str) -> None:
    """Cut the network silently: packets from and to the peers (addresses; none given: everybody) are dropped.

    Nobody is told: sockets stay open on both sides. A second call replaces the first; a reboot heals.
    """
    chosen = f"{{ {', '.join(peers)} }}" if peers else ""
    rules = _CUT.replace("FROM", f"ip saddr {chosen}" if chosen else "")
    _nft(host, rules.replace("TO", f"ip daddr {chosen}" if chosen else ""))


def heal(host: Host) -> None:
    """Let the packets through again; nothing to do when nothing was cut."""
    _nft(host, _HEAL)


def dropped_from(host: Host, address: str) -> int:
    """How many packets from that address the cut has swallowed, that is: how often it was tried."""
    return _dropped(host, "received", address)


def dropped_to(host: Host, address: str) -> int:
    """How many packets from the host to that address the cut has swallowed."""
    return _dropped(host, "sent", address)


@contextmanager
def silent(host: Host, *peers: str) -> Iterator[None]:
    """The network cut meanwhile; see `cut`."""
    cut(host, *peers)
    try:
        yield
    finally:
        heal(host)


def kill_postmaster(host: Host, mask: bool = False, data: str = DATA) -> None:
    """SIGKILL to the postmaster and its children, all at once; with `mask` nobody can start it again."""
    if mask:
        host.run("systemctl", "mask", UNIT)
    pids = host.run("sh", "-c", _KILL_POSTMASTER, "sh", data).stdout.split()
    wait_for(lambda: not _alive(host, pids), f"{host.name}: {pids} to be gone")


def unmask(host: Host) -> None:
    """Take back what `kill_postmaster` has masked."""
    host.run("systemctl", "unmask", UNIT)


def server_pids(host: Host, what: str) -> list[str]:
    """The processes of the server whose title has that in it, as "walreceiver", "startup" or "walsender"."""
    return host.run("pgrep", "--full", f"^postgres: .*{what}", check=False).stdout.split()


def freeze(host: Host, what: str) -> list[str]:
    """SIGSTOP to the processes of the server whose title has that in it (there must be one); their pids."""
    pids = server_pids(host, what)
    assert pids, f"{host.name} has no {what} to hold"
    host.run("kill", "-STOP", *pids)
    return pids


def thaw(host: Host, pids: list[str]) -> None:
    """SIGCONT; those that have ended meanwhile do not matter."""
    host.run("kill", "-CONT", *pids, check=False)


@contextmanager
def frozen(host: Host, what: str) -> Iterator[None]:
    """A process of the server held meanwhile; see `freeze`."""
    pids = freeze(host, what)
    try:
        yield
    finally:
        if host.running:
            thaw(host, pids)


def reboot(host: Host, orderly: bool = False) -> None:
    """Switch the host off (as by a power cut, or in an orderly way) and on; see `boot`."""
    if host.running:
        if orderly:
            host.stop()
        else:
            host.kill()
        wait_for(lambda: not host.running, f"{host.name} to be off")
    boot(host)


def boot(host: Host) -> None:
    """Switch a host on that is off, and wait until systemd has tried everything: units may well have failed."""
    host.container.start()
    wait_for(lambda: _has_booted(host), f"{host.name} to boot", 2 * BOOT_TIMEOUT_SECONDS)


@contextmanager
def triggered(predicate: Callable[[], bool], action: Callable[[], None]) -> Iterator[threading.Event]:
    """Do something the moment that a predicate holds, meanwhile; the event is set when it was done."""
    done, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.is_set():
            if predicate():
                action()
                done.set()
                return
            over.wait(0.01)

    with ThreadPoolExecutor(max_workers=1) as pool:
        watching = pool.submit(watch)
        try:
            yield done
        finally:
            over.set()
            watching.result()


def _has_booted(host: Host) -> bool:
    try:
        fault = host.fault()
    except APIError:
        return False
    return not fault or fault.startswith("units have failed")


def _alive(host: Host, pids: list[str]) -> bool:
    script = 'for pid; do [ -d "/proc/$pid" ] && echo "$pid"; done; true'
    return bool(host.run("sh", "-c", script, "sh", *pids).stdout)


def _nft(host: Host, rules: str) -> None:
    host.run("sh", "-c", 'printf %s "$1" | nft -f -', "sh", rules)


def _dropped(host: Host, which: str, address: str) -> int:
    listed = json.loads(host.run("nft", "-j", "list", "set", *_TABLE.split(), which).stdout)
    elements = [element["elem"] for entry in listed["nftables"] for element in entry.get("set", {}).get("elem", [])]
    return sum(element["counter"]["packets"] for element in elements if element["val"] == address)
