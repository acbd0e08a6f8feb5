# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: a file that tells how far a program is while it runs.

The kernel counts what a process reads and writes, so that the program itself has nothing to do for it. Nothing depends
on the file: where it cannot be written, nobody is told how far the program is.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._progress import Progress

from .files import PRIVATE

# What is over before is not worth a word.
FIRST_SECONDS = 5.0
EVERY_SECONDS = 2.0
READ = "rchar"
WRITTEN = "wchar"


class ProgressFile:
    """The file, which exists while a program runs that is watched. path: None for no file."""

    def __init__(self, path: str | None) -> None:
        self._path = path
        self.forget()

    def forget(self) -> None:
        """Remove it, be it one that a run has left which was cut off."""
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)

    @contextmanager
    def watching(self, kind: str, counter: str, total_bytes: int) -> Iterator[Callable[[int], None]]:
        """Watch a program while the block lasts, once what is yielded has been called with its pid.

        counter: which of its bytes are counted, READ or WRITTEN.
        """
        over = threading.Event()
        threads: list[threading.Thread] = []

        def watch(pid: int) -> None:
            began = time.monotonic()
            pause = FIRST_SECONDS
            with suppress(OSError, ValueError), self._opened() as write:
                while not over.wait(pause):
                    seconds = time.monotonic() - began
                    write(Progress(kind, counted(pid, counter), total_bytes, round(seconds, 1)))
                    pause = EVERY_SECONDS

        def started(pid: int) -> None:
            if self._path:
                threads.append(threading.Thread(target=watch, args=(pid,), daemon=True))
                threads[-1].start()

        try:
            yield started
        finally:
            over.set()
            for thread in threads:
                thread.join()

    @contextmanager
    def _opened(self) -> Iterator[Callable[[Progress], None]]:
        """Writes to the file, which is made by the first write. Raises OSError."""
        descriptors: list[int] = []

        def write(progress: Progress) -> None:
            if not descriptors:
                self.forget()
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptors.append(os.open(str(self._path), flags, PRIVATE))
            os.pwrite(descriptors[0], progress.to_text().encode(), 0)

        try:
            yield write
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
                self.forget()


def counted(pid: int, counter: str) -> int:
    """Bytes that a process of our own has read or written since it began. Raises OSError and ValueError."""
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        for line in file:
            name, value = line.split(":")
            if name == counter:
                return int(value)
    raise ValueError(counter)
