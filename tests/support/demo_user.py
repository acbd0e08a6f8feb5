# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Somebody who tries the demo: an account with a home of its own and a fresh copy of the checkout."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hotstandby_demo.as_root import copy_checkout
from support.account import Account, make_directory, remove_directory
from support.modules import interpreter
from support.processes import descendants, kill_below, processes_below, program_of


@dataclass(frozen=True)
class DemoUser:
    """Runs demo/run as a user types it, with home and checkout below one directory."""

    account: Account
    directory: Path

    @property
    def home(self) -> Path:
        return self.directory / "home"

    @property
    def checkout(self) -> Path:
        return self.directory / "checkout"

    @property
    def demo(self) -> Path:
        """Where the demo puts itself unless told otherwise."""
        return self.home / ".local" / "state" / "hotstandby-demo"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start demo/run; its output comes through a pipe."""
        command = [interpreter(), "demo/run.py", *arguments]
        return self.account.popen(
            command,
            environ={"PYTHONDONTWRITEBYTECODE": "1", **pip_settings()},
            home=self.home,
            directory=self.checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Exit status and output of demo/run."""
        process = self.start(*arguments)
        output = process.communicate(timeout=1800)[0]
        return process.returncode, output

    @staticmethod
    def kill(process: subprocess.Popen[str]) -> None:
        """SIGKILL all that was started, also what has left the process group, but no server."""
        others = [pid for pid in descendants(process.pid) if program_of(pid) != "postgres"]
        os.killpg(process.pid, signal.SIGKILL)
        for pid in others:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.communicate()

    def files(self) -> set[str]:
        """Everything below the directory."""
        return {str(path.relative_to(self.directory)) for path in self.directory.rglob("*")}

    def leftovers(self) -> list[int]:
        """Processes of the demo."""
        return processes_below(self.home)

    def close(self) -> None:
        kill_below(self.directory)
        remove_directory(self.directory)


def new_user(account: Account) -> DemoUser:
    """A user who has just unpacked the checkout."""
    user = DemoUser(account, make_directory("hs-demo-", account))
    user.home.mkdir(mode=0o700)
    account.own(user.home)
    copy_checkout(user.checkout)
    return user


def pip_settings() -> dict[str, str]:
    """How this machine reaches PyPI, for a demo that has to fetch something."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
