# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: a node's claim, a file that names the run which may act there.

Whoever acts holds the file's lock meanwhile, and looks at the file under that lock. The file is written in place and
never removed, so that everybody locks the same one. Its time is that of the run's last act.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._run import Claimant, Run, may_claim
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock

from .as_owner import acting_as_owner_of

# How long a run waits for an act to end that holds the lock: the longest are a stop and a start. A look has less time
# (postgres_look_timeout).
ACT_SECONDS = 90
LOOK_SECONDS = 40
PAUSE_SECONDS = 0.05
SIGN_OF_LIFE_SECONDS = 5
PRIVATE = 0o600
# The text has one length, so that a full disk does not keep a node from being claimed.
LENGTH = 2048


@dataclass(frozen=True)
class Claimed:
    """What a look at the claim said.

    granted: whether the run may act on the node. holder: the other run that may. age_seconds: since that run's last act
    there, by the node's clock. problem: why the node could not be claimed although nobody else holds it.
    """

    granted: bool
    holder: Run | None = None
    age_seconds: float = 0.0
    problem: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {
            "granted": self.granted,
            "holder": self.holder.to_plain() if self.holder else None,
            "age_seconds": round(self.age_seconds, 1),
            "problem": self.problem,
        }


class Claim:
    """The claim of one node."""

    def __init__(self, path: str) -> None:
        self._path = path

    def take(self, claimant: Claimant) -> Claimed:
        """Claim the node if that may be done; an act of a run that may be overtaken is waited for.

        On a host without the directory of the file there is nothing to claim yet.
        """
        try:
            with self._opened(create=True) as descriptor:
                if descriptor is None:
                    return Claimed(granted=True)
                return _take(descriptor, claimant)
        except HotStandbyError as error:
            return Claimed(granted=False, problem=error.message)

    def look(self, run_id: str | None) -> Claimed:
        """Who holds the node: granted says whether the run does, or without a run whether nobody does."""
        with self._opened(create=False) as descriptor:
            if descriptor is None:
                return Claimed(granted=True)
            holder, age = _read(descriptor)
        if holder is None or holder.id == run_id or (run_id is None and holder.ended):
            return Claimed(granted=True)
        return Claimed(granted=False, holder=holder, age_seconds=age)

    def release(self, run_id: str) -> None:
        """Say that the run has ended, where the node still bears its claim."""
        with self._opened(create=False) as descriptor:
            if descriptor is None or not _lock(descriptor, ACT_SECONDS):
                return
            holder = _read(descriptor)[0]
            if holder is not None and holder.id == run_id and not holder.ended:
                _write(descriptor, replace(holder, ended=True))

    @contextmanager
    def acting(self, run_id: str) -> Iterator[None]:
        """Hold the node's lock for one act of the run.

        Raises HotStandbyError "overtaken" when the node does not bear the run's claim any more, "node_busy" when
        another act does not end, "claim_failed".
        """
        with self._opened(create=True) as descriptor:
            if descriptor is None:
                yield  # a host with nothing on it: this act makes the directory
                return
            if not _lock(descriptor, ACT_SECONDS):
                raise HotStandbyError(
                    "node_busy",
                    f"another act on this node has not ended after {ACT_SECONDS} s; it holds {self._path}",
                    f"See which process that is (fuser -v {self._path}), and run this again when it has ended",
                )
            holder = _read(descriptor)[0]
            if holder is None:
                _write(descriptor, Run(run_id))
            elif holder.id != run_id:
                raise overtaken(holder)
            with _signs_of_life(lambda: os.utime(descriptor)):
                yield

    @contextmanager
    def kept(self, run_id: str) -> Iterator[None]:
        """Keep the run's claim alive while the block lasts, without the lock. Raises what acting raises."""
        with self.acting(run_id):
            pass
        with self._opened(create=False) as descriptor:

            def sign() -> None:
                holder = _read(descriptor)[0] if descriptor is not None else None
                if descriptor is not None and holder is not None and holder.id == run_id:
                    os.utime(descriptor)

            with _signs_of_life(sign):
                yield

    @contextmanager
    def _opened(self, *, create: bool) -> Iterator[int | None]:
        """The open file, None where there is none. Raises HotStandbyError "claim_failed"."""
        descriptor = self._open(os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0))
        try:
            yield descriptor
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def _open(self, flags: int) -> int | None:
        try:
            with acting_as_owner_of(self._path):
                return os.open(self._path, flags, PRIVATE)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HotStandbyError(
                "claim_failed",
                f"{self._path}, which names the run that may act on this node, cannot be opened:"
                f" {error.strerror or error}",
                "The account that owns the cluster has to be able to write it",
            ) from error


def overtaken(holder: Run) -> HotStandbyError:
    return HotStandbyError(
        "overtaken",
        f"this run was overtaken by {holder}, since {holder.since}, and does nothing more",
        "See with status.yml what that run has made of the cluster",
    )


def _take(descriptor: int, claimant: Claimant) -> Claimed:
    def refused() -> bool:
        return not may_claim(claimant, *_read(descriptor))

    locked = _lock(descriptor, LOOK_SECONDS, refused)
    holder, age = _read(descriptor)
    if not may_claim(claimant, holder, age):
        return Claimed(granted=False, holder=holder, age_seconds=age)
    if not locked:
        return Claimed(granted=False, holder=holder, problem=f"an act there has not ended after {LOOK_SECONDS} s")
    try:
        _write(descriptor, claimant.run)
    except OSError as error:
        return Claimed(granted=False, problem=f"the claim cannot be written: {error.strerror or error}")
    return Claimed(granted=True)


def _lock(descriptor: int, seconds: float, given_up: Callable[[], bool] = lambda: False) -> bool:
    """Take the lock; False when it was not free in time, or waiting was given up."""
    clock = SystemClock()
    deadline = clock.now() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if given_up() or clock.now() >= deadline:
                return False
            clock.pause(PAUSE_SECONDS)
        else:
            return True


def _read(descriptor: int) -> tuple[Run | None, float]:
    """Who holds the node, and the seconds since its last act. A torn text names nobody: its writer has not acted."""
    age = max(0.0, time.time() - os.fstat(descriptor).st_mtime)
    try:
        return Run.from_plain(json.loads(os.pread(descriptor, LENGTH, 0))), age
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, age


def _write(descriptor: int, run: Run) -> None:
    os.pwrite(descriptor, json.dumps(run.to_plain()).encode().ljust(LENGTH), 0)
    os.fsync(descriptor)


@contextmanager
def _signs_of_life(sign: Callable[[], None]) -> Iterator[None]:
    """Give the sign now, every few seconds while the block lasts, and at its end."""
    over = threading.Event()

    def give() -> None:
        while True:
            with suppress(OSError):
                sign()
            if over.wait(SIGN_OF_LIFE_SECONDS):
                return

    thread = threading.Thread(target=give, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(OSError):
            sign()
