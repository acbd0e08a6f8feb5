# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: runs PostgreSQL's programs. Nothing but this and _server/session touches the outside."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

# AnsibleModule.run_command, or anything shaped like it.
RunCommand = Callable[..., "tuple[int, str, str]"]

# Messages are read by programs and by people in one language.
C_LOCALE = {"LC_ALL": "C", "LANG": "C", "LC_MESSAGES": "C"}
PROGRAM_DIRECTORIES = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin")


@dataclass(frozen=True)
class Outcome:
    """What a program left behind."""

    code: int
    output: str
    errors: str

    @property
    def complaint(self) -> str:
        """Its own words about what went wrong, shortened to the last lines, and by which signal it was killed."""
        lines = (self.errors.strip() or self.output.strip()).splitlines()
        words = [line.strip() for line in lines[-4:]]
        if self.code < 0:
            words.insert(0, f"it was killed by signal {-self.code}")
        return "; ".join(words) or f"exit code {self.code}"


@dataclass(frozen=True)
class Commands:
    """PostgreSQL's programs in one directory."""

    run_command: RunCommand
    bin_directory: str

    def path(self, program: str) -> str:
        return os.path.join(self.bin_directory, program)

    def has(self, program: str) -> bool:
        return os.access(self.path(program), os.X_OK)

    def attempt(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Outcome:
        """Run a program whatever its exit code; a missing program is an error.

        Raises HotStandbyError "missing_program".
        """
        if not self.has(program):
            raise HotStandbyError(
                "missing_program",
                f"{program} is not in {self.bin_directory} on this host",
                "Install the server package or correct postgres_bin_directory",
            )
        code, output, errors = self.run_command(
            [self.path(program), *arguments],
            environ_update={**C_LOCALE, **(environment or {})},
            check_rc=False,
            **options,
        )
        return Outcome(code, output, errors)

    def output(
        self, program: str, *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> str:
        """Run a program that has to succeed; return what it printed.

        Raises HotStandbyError "program_failed" with its own words.
        """
        outcome = self.attempt(program, *arguments, environment=environment, **options)
        if outcome.code != 0:
            raise HotStandbyError("program_failed", f"{program} failed on this host: {outcome.complaint}")
        return outcome.output

    def version(self) -> str:
        """The server programs' version, for example 15.18 or 9.6.24.

        Raises HotStandbyError "missing_program" or "program_failed".
        """
        text = self.output("postgres", "--version")
        found = re.search(r"(\d+(?:\.\d+)*)", text)
        if not found:
            raise HotStandbyError("program_failed", f"postgres --version printed {text.strip()!r}")
        return found.group(1)

    def control_data(self, data_directory: str) -> dict[str, str]:
        """pg_controldata's lines as a dict from label to text.

        Raises HotStandbyError "program_failed" when the control file cannot be read.
        """
        text = self.output("pg_controldata", "-D", data_directory)
        pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
        return {label.strip(): value.strip() for label, value in pairs}


def system_program(run: RunCommand, program: str) -> Commands:
    """The directory of a program of the system. Raises HotStandbyError "missing_program"."""
    for directory in PROGRAM_DIRECTORIES:
        commands = Commands(run, directory)
        if commands.has(program):
            return commands
    raise HotStandbyError(
        "missing_program",
        f"{program} is not on this host",
        "Install what it belongs to, or choose another postgres_service (systemd, pg_ctlcluster or pg_ctl)",
    )
