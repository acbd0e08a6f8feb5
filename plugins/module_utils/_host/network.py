# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: addresses, and which servers answer at them. No password is needed for that."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

# Nothing on the way to a promotion may wait for a dead host for longer: the whole observation waits this once.
SECONDS = 1.0
# A postmaster answers this with one letter, whatever its access rules; an open port or a stopped process does not.
SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))


def answering(endpoints: Sequence[str], timeout_seconds: float = SECONDS) -> tuple[str, ...]:
    """Of these endpoints ("ADDRESS PORT") the ones at which a PostgreSQL server answers, asked all at once."""
    asked = [endpoint for endpoint in endpoints if len(endpoint.split()) == 2]
    if not asked:
        return ()
    with ThreadPoolExecutor(max_workers=len(asked)) as pool:
        answers = list(pool.map(lambda endpoint: _answers(endpoint, timeout_seconds), asked))
    return tuple(endpoint for endpoint, answered in zip(asked, answers) if answered)


def unresolved(names: Sequence[str]) -> tuple[str, ...]:
    """Of these names the ones that have no address here; all at once, since a resolver that is down takes seconds."""
    if not names:
        return ()
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        resolved = list(pool.map(_resolves, names))
    return tuple(name for name, found in zip(names, resolved) if not found)


def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, None)
    except (OSError, UnicodeError):
        return False
    return True


def _answers(endpoint: str, timeout_seconds: float) -> bool:
    address, port = endpoint.split()
    try:
        with socket.create_connection((address, int(port)), timeout_seconds) as connection:
            connection.sendall(SSL_REQUEST)
            return connection.recv(1) in (b"S", b"N")
    except (OSError, ValueError):
        return False


def resolve(name: str) -> list[str]:
    """Every address of a host as this node sees it. Raises OSError."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(place[0]) for *dummy, place in found]


def is_local(host: str) -> bool:
    """Whether a host (a name, an address or a socket directory) is this very machine."""
    if os.path.isabs(host):
        return True
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    return any(_is_own(answer[0], answer[4]) for answer in found)


def _is_own(family: int, address: tuple[Any, ...]) -> bool:
    """Only an address of this machine can be bound; nothing is sent."""
    if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_unspecified:
        return True
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address[0], 0, *address[2:]))
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    """Whether anything listens at the port on this host's loopback addresses."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(1)
                if probe.connect_ex((address, port)) == 0:
                    return True
        except OSError:
            continue
    return False
