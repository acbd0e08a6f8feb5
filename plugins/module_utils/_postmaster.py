# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postmaster.pid: whether a server runs in a data directory, and what it says of itself."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Postmaster:
    """The lines of postmaster.pid. started is seconds since the epoch; status is empty before version 10."""

    pid: int
    data_directory: str
    started: int
    port: int
    socket_directory: str
    listen_address: str
    status: str

    @property
    def ready(self) -> bool:
        """Whether it says that it takes connections (10 and later say so)."""
        return self.status in ("ready", "standby")

    @classmethod
    def parse(cls, text: str) -> Postmaster:
        """Read the file's text. Raises ValueError when it is not whole (it is being written, say)."""
        lines = [line.strip() for line in text.splitlines()]
        if len(lines) < 6:
            raise ValueError("postmaster.pid is not whole")
        return cls(
            pid=abs(int(lines[0])),
            data_directory=lines[1],
            started=int(lines[2]),
            port=int(lines[3]),
            socket_directory=lines[4],
            listen_address=lines[5],
            status=lines[7] if len(lines) > 7 else "",
        )


def running_postmaster(data_directory: str) -> Postmaster | None:
    """Return the server that runs in this directory; a stale file, or a pid that is now somebody else's, is none."""
    try:
        with open(os.path.join(data_directory, "postmaster.pid"), encoding="utf-8") as file:
            found = Postmaster.parse(file.read())
    except (OSError, ValueError):
        return None
    return found if _is_postgres(found.pid) else None


def _is_postgres(pid: int) -> bool:
    """Whether the process lives and is PostgreSQL (its name is readable for every user)."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip() in ("postgres", "postmaster")
    except OSError:
        return False
