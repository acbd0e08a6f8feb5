# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: asks the boot guard, a program of its own on the host, before a server is started."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import C_LOCALE, Outcome, RunCommand

REFUSED = "boot_guard_refused"
HINT = "Run status.yml to see who is primary, then rejoin.yml to bring this node back"
REFUSAL = re.compile(r"boot guard: not started: [^\n]*")
JOURNAL_LINES = 8


def ask_guard(run: RunCommand, command: Sequence[str]) -> str:
    """Return what the guard says; it may have made the server a standby. command: its program and arguments.

    Raises HotStandbyError "boot_guard_missing" or "boot_guard_refused".
    """
    if not os.path.exists(command[0]):
        raise HotStandbyError(
            "boot_guard_missing",
            f"the boot guard {command[0]} is not on this host",
            "Run site.yml, which installs it, or set postgres_boot_guard to false",
        )
    code, output, errors = run([sys.executable, "-I", *command], environ_update=C_LOCALE, check_rc=False, cwd="/")
    outcome = Outcome(code, output, errors)
    if outcome.code != 0:
        raise HotStandbyError(REFUSED, outcome.complaint, HINT)
    return errors.strip()


def refusal_in(journal: str) -> str:
    """The guard's words in a unit's journal that ends with a start that it refused, or an empty text. Pure."""
    found = [line for line in journal.splitlines()[-JOURNAL_LINES:] if "boot guard: " in line]
    refusal = REFUSAL.search(found[-1]) if found else None
    return refusal.group() if refusal else ""
