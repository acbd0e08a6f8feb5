# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: who holds a port on this host. Asked before a server starts: its own complaint names nobody."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import open_regular
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import is_postgres

LISTEN = "0A"
LONGEST_NUMBER = 32
ANY_ADDRESSES = ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"))


@dataclass(frozen=True)
class Holder:
    """What is taken ("port 5432 on 127.0.0.1") and by whom: pid is None when it is not ours to see."""

    what: str
    pid: int | None
    program: str

    def __str__(self) -> str:
        if self.pid is None:
            return f"{self.what} is taken by another process"
        return f"{self.what} is taken by process {self.pid} ({self.program})"


def find_holder(port: int, addresses: Iterable[str], socket_directories: Iterable[str]) -> Holder | None:
    """Return who already listens where a server is about to; None when nobody does.

    addresses are those of listen_addresses ("*" and host names are fine).
    """
    for directory in socket_directories:
        pid = _socket_owner(directory, port)
        if pid is not None:
            return Holder(f"port {port} in {directory}", pid, _program(pid))
    for family, address in _resolved(addresses):
        if _is_taken(family, address, port):
            pid = _listening_pid(port)
            return Holder(f"port {port} on {address}", pid, _program(pid))
    return None


def listening_inodes(text: str, port: int) -> list[str]:
    """Read the inodes of the sockets that listen on a port from /proc/net/tcp or tcp6."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) > 9 and fields[3] == LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
            found.append(fields[9])
    return found


def _socket_owner(directory: str, port: int) -> int | None:
    """The live server that owns the Unix socket, from its lock file."""
    try:
        # the server's configuration names the directory, and that is its account's
        with open_regular(os.path.join(directory, f".s.PGSQL.{port}.lock")) as file:
            pid = abs(int(file.readline(LONGEST_NUMBER)))
    except (OSError, ValueError):
        return None
    return pid if is_postgres(pid) else None


def _resolved(addresses: Iterable[str]) -> Iterator[tuple[int, str]]:
    for address in addresses:
        if address == "*":
            yield from ANY_ADDRESSES
            continue
        with suppress(OSError):  # a name that does not resolve is the server's to complain about
            for found in socket.getaddrinfo(address, None, type=socket.SOCK_STREAM):
                yield found[0], str(found[4][0])


def _is_taken(family: int, address: str, port: int) -> bool:
    """Try what the server will do; nothing is left behind."""
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((address, port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _listening_pid(port: int) -> int | None:
    inodes = set()
    for name in ("tcp", "tcp6"):
        with suppress(OSError), open(f"/proc/net/{name}", encoding="ascii") as file:
            inodes.update(listening_inodes(file.read(), port))
    with suppress(OSError):
        for entry in filter(str.isdigit, os.listdir("/proc")):
            if inodes & set(_socket_inodes(entry)):
                return int(entry)
    return None


def _socket_inodes(pid: str) -> Iterator[str]:
    with suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{descriptor}"))
                if found:
                    yield found.group(1)


def _program(pid: int | None) -> str:
    with suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()
    return "unknown"
