# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passfiles, read as libpq reads them."""

from __future__ import annotations

import re

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.passfile import PassfileEntry

_PASSFILE_FIELD = re.compile(r"((?:[^:\\]|\\.|\\$)*)(?::|$)")


def parse_passfile(text: str) -> list[PassfileEntry]:
    """Read a passfile; comments and empty lines are passed over.

    Raises ValueError with the number of a malformed line, never with its text.
    """
    entries = []
    lines = (line.rstrip("\r") for line in text.split("\n"))
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        fields = [re.sub(r"\\(.)", r"\1", part) for part in _split_passfile_line(line)]
        if len(fields) < 5:
            raise ValueError(f"line {number} of the passfile has {len(fields)} fields, not 5")
        entries.append(PassfileEntry(*fields[:5]))
    return entries


def _split_passfile_line(line: str) -> list[str]:
    fields: list[str] = []
    position = 0
    while True:
        found = _PASSFILE_FIELD.match(line, position)
        if not found:
            return fields
        fields.append(found.group(1))
        if found.end() == len(line) and not found.group(0).endswith(":"):
            return fields
        position = found.end()
