# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program for a test host: as the server's account it plants links at names that root could use, over and over.

Standard input is JSON: canaries is root's directory to which the links lead; scratch are names at which nothing lies
of itself, where a link lies most of the time; swapped are files, which are links for some milliseconds now and then;
spoken are files of the account's that name root's. It goes on until it is told to end (SIGTERM), puts back what it
swapped, and writes how often it did what into the file `count`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

HELD_SECONDS = 0.02
FREE_SECONDS = 0.005
SWAP_EVERY = 20  # rounds
SPOKEN_ROUNDS = 40


class Attacker:
    """One account at its work."""

    def __init__(self, wanted: dict[str, list[str]], canaries: str) -> None:
        self._scratch, self._swapped, self._spoken = (wanted[kind] for kind in ("scratch", "swapped", "spoken"))
        self._canaries = canaries
        self._over = False
        self.count = {"planted": 0, "swapped": 0, "taken": 0}

    def end(self, _number: int, _frame: FrameType | None) -> None:
        self._over = True

    def work(self) -> None:
        turn = 0
        while not self._over:
            turn += 1
            for path in self._scratch:
                self._plant(path, turn)
            for path in self._spoken:
                with suppress(OSError):
                    os.unlink(path)
                with suppress(OSError):
                    Path(path).write_text(f"stderr {self._secret(turn)}\n", encoding="utf-8")
            swapped = self._swapped[turn // SWAP_EVERY % len(self._swapped)] if self._swapped else ""
            if swapped and turn % SWAP_EVERY == 0:
                self._swap(swapped, turn)
            else:
                time.sleep(HELD_SECONDS)
            for path in (*self._scratch, *self._spoken):
                self._take_away(path)
            time.sleep(FREE_SECONDS)

    def _target(self, path: str, turn: int) -> str:
        """Root's file of that name, a directory of root's, or a name in one at which nothing is.

        The account may look at all of them: the server does, at whatever lies in its directories.
        """
        kinds = (name_of(path), "closed", "open", f"open/made-{name_of(path)}")
        return os.path.join(self._canaries, kinds[turn % len(kinds)])

    def _secret(self, turn: int) -> str:
        """One of root's files for a while: who remembers the length of one finds another, which is all new to him."""
        names = ("file", "postgresql.conf", "PG_VERSION", "000000010000000000000003")
        return os.path.join(self._canaries, "closed", names[turn // SPOKEN_ROUNDS % len(names)])

    def _plant(self, path: str, turn: int) -> None:
        with suppress(OSError):
            os.symlink(self._target(path, turn), path)
            self.count["planted"] += 1

    def _take_away(self, path: str) -> None:
        with suppress(OSError):
            if path in self._spoken or os.readlink(path).startswith(self._canaries):
                os.unlink(path)
                return
        # the link is not there any more: somebody has removed it, or put something in its place
        self.count["taken"] += 1

    def _swap(self, path: str, turn: int) -> None:
        aside, target = f"{path}.mine", self._target(path, turn // SWAP_EVERY // len(self._swapped))
        with suppress(OSError):
            os.rename(path, aside)
            try:
                os.symlink(target, path)
                time.sleep(HELD_SECONDS)
                self.count["swapped"] += 1
            finally:
                # what somebody has put in the link's place stays
                if os.path.islink(path):
                    os.unlink(path)
                if not os.path.lexists(path):
                    os.rename(aside, path)
                elif not os.path.isdir(aside):
                    os.unlink(aside)


def name_of(path: str) -> str:
    """The name of root's file to which the links at a path lead."""
    return path.strip("/").replace("/", "_")


def main() -> None:
    told = json.load(sys.stdin)
    attacker = Attacker(told, told["canaries"])
    signal.signal(signal.SIGTERM, attacker.end)
    attacker.work()
    Path(told["count"]).write_text(json.dumps(attacker.count), encoding="utf-8")


if __name__ == "__main__":
    main()
