# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the demo says, and the one error that it ends with."""

from __future__ import annotations

import sys


class DemoError(Exception):
    """str() is one line: what is wrong and what to do."""


def say(line: str) -> None:
    """One plain line, at once (programs that we start write to the same terminal)."""
    print(line, flush=True)
    sys.stdout.flush()
