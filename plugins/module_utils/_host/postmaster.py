# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postmaster.pid: whether a server runs in a data directory, and what it says of itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from .as_owner import open_regular, owner_of
from .processes import belongs_to, is_postgres

# As long as the file can be: it has eight short lines.
LONGEST_READ_BYTES = 64 * 1024


@dataclass(frozen=True)
class Postmaster:
    """The lines of postmaster.pid. started is seconds since the epoch; status is empty before version 10.

    found_in: the directory in which the file was found.
    """

    pid: int
    data_directory: str
    started: int
    port: int
    socket_directory: str
    listen_address: str
    status: str
    found_in: str = ""

    @property
    def identity(self) -> str:
        """Names this very start of a server; a number alone may be another process's later."""
        return f"{self.pid} {self.started}"

    @property
    def ready(self) -> bool:
        """Whether it says that it takes connections (10 and later say so)."""
        return self.status in ("ready", "standby")

    @property
    def stopping(self) -> bool:
        """Whether it says that it shuts down (10 and later say so); nothing calls that off."""
        return self.status == "stopping"

    @classmethod
    def parse(cls, text: str) -> Postmaster:
        """Read the file's text. Raises ValueError when it is not whole (it is being written, say).

        Five lines are whole: that is how a server that has just begun to start writes it.
        """
        lines = [line.strip() for line in text.splitlines()]
        if len(lines) < 5:
            raise ValueError("postmaster.pid is not whole")
        return cls(
            pid=abs(int(lines[0])),
            data_directory=lines[1],
            started=int(lines[2]),
            port=int(lines[3]),
            socket_directory=lines[4],
            listen_address=lines[5] if len(lines) > 5 else "",
            status=lines[7] if len(lines) > 7 else "",
        )


def running_postmaster(data_directory: str) -> Postmaster | None:
    """Return the server that runs in this directory.

    Not one: a stale file, a pid that is now somebody else's, a file that was copied with its directory, a process that
    does not belong to the directory's owner, who may write into that file what he likes.
    """
    try:
        owner = owner_of(data_directory)
        with open_regular(os.path.join(data_directory, "postmaster.pid")) as file:
            text = file.read(LONGEST_READ_BYTES).decode("utf-8", errors="replace")
        found = replace(Postmaster.parse(text), found_in=data_directory)
    except (OSError, ValueError):
        return None
    if not is_postgres(found.pid) or not belongs_to(found.pid, owner.uid):
        return None
    return found if _works_in(found, data_directory) else None


def _works_in(postmaster: Postmaster, data_directory: str) -> bool:
    """Whether it is the server's directory: by where it works if we may see that, else by what it wrote."""
    try:
        return os.path.samefile(f"/proc/{postmaster.pid}/cwd", data_directory)
    except PermissionError:
        return _same(postmaster.data_directory, data_directory)
    except OSError:
        return False


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False
