# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server wrote into its log since a start was attempted, shortened to what matters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import BinaryIO

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    Account,
    open_regular_as,
    owner_of,
)

LINES = 5
SEVERITY = re.compile(r"\b(PANIC|FATAL|ERROR|WARNING|LOG|DETAIL|HINT|CONTEXT):\s+(.*)")
GRAVE = frozenset({"PANIC", "FATAL", "ERROR", "DETAIL", "HINT"})
TROUBLE = re.compile(r"could not|invalid|unrecognized|error|not exist|denied|forked off", re.IGNORECASE)
# Answers to clients that knock while the server starts, and the farewell to its old log.
NOISE = re.compile(r"the database system is (starting up|not yet accepting|shutting down)|log output")
# A log may hold more than one needs; the end is what counts.
LONGEST_READ_BYTES = 256 * 1024


def relevant_lines(text: str) -> str:
    """Return the last lines that say what went wrong, joined by "; ", without their prefixes. Pure.

    The last lines of any kind when none of them looks like trouble (another language, say).
    """
    chosen: list[str] = []
    for line in text.splitlines():
        found = SEVERITY.search(line)
        if not found or NOISE.search(line):
            continue
        if found.group(1) in GRAVE or TROUBLE.search(found.group(2)):
            chosen.append(f"{found.group(1)}: {found.group(2).strip()}")
    if not chosen:
        chosen = [line.strip() for line in text.splitlines() if line.strip() and not NOISE.search(line)]
    unique = list(dict.fromkeys(chosen))
    return "; ".join(unique[-LINES:])


class LogWatch:
    """Remembers how long the logs are, and reads later what has been added.

    Its words come into messages. The server's account says where its logs are, so they are read with its rights.
    """

    def __init__(self, log_files: Iterable[str | None], data_directory: str) -> None:
        self._data_directory = data_directory
        self._account: Account | None = None
        with suppress(OSError):
            self._account = owner_of(data_directory)
        self._files = [path for path in log_files if path]
        self._sizes = {path: self._size(path) for path in [*self._files, *self._collected()]}

    def added(self) -> str:
        """Return what the logs say since; an empty text when they cannot be read."""
        return "\n".join(self._read_from(path, self._sizes.get(path, 0)) for path in [*self._files, *self._collected()])

    def _collected(self) -> list[str]:
        """The files of the logging collector (10 and later name them in current_logfiles)."""
        register = os.path.join(self._data_directory, "current_logfiles")
        with suppress(OSError), self._opened(register) as file:
            lines = _text(file.read(LONGEST_READ_BYTES)).splitlines()
            names = [line.partition(" ")[2].strip() for line in lines if line.startswith("stderr ")]
            return [os.path.join(self._data_directory, name) for name in names]
        return []

    def _opened(self, path: str) -> BinaryIO:
        if self._account is None:
            raise FileNotFoundError(path)
        return open_regular_as(self._account, path)

    def _size(self, path: str) -> int:
        with suppress(OSError), self._opened(path) as file:
            return os.fstat(file.fileno()).st_size
        return 0

    def _read_from(self, path: str, position: int) -> str:
        with suppress(OSError), self._opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            # rotated or emptied meanwhile: all of it is new
            start = position if size >= position else 0
            file.seek(max(start, size - LONGEST_READ_BYTES))
            return _text(file.read(LONGEST_READ_BYTES))
        return ""


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
