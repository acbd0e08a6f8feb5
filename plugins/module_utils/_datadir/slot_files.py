# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: the replication slots that lie in a data directory, whether its server runs or not. Changes nothing."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from contextlib import suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.kept_slots import KeptSlot, told_slots

DIRECTORY = "pg_replslot"
# The beginning of a slot's file since 9.4: magic, checksum, version, length, name, database, persistency.
_STATE = struct.Struct("=I12x64xII")
_MAGIC = 0x1051CA1
_PERSISTENT = 0


def slots_in(data_directory: str) -> tuple[KeptSlot, ...]:
    """Name and kind of each slot that outlives its server; kind "" where its file does not tell."""
    names: list[str] = []
    with suppress(OSError):
        names = sorted(os.listdir(os.path.join(data_directory, DIRECTORY)))
    found = []
    for name in names:
        directory = os.path.join(data_directory, DIRECTORY, name)
        if name.endswith(".tmp") or not os.path.isdir(directory):
            continue  # half made, or half dropped
        kind = _kind(os.path.join(directory, "state"))
        if kind is not None:
            found.append(KeptSlot(name, kind))
    return tuple(found)


def without(slots: Sequence[KeptSlot]) -> str:
    """What a result's reason says of the slots that are gone; "" when there were none."""
    return f"; without its replication slots {told_slots(slots)}" if slots else ""


def _kind(path: str) -> str | None:
    """What the slot is; None for one that ends with its session or is not made yet."""
    try:
        with open(path, "rb") as file:
            magic, database, persistency = _STATE.unpack(file.read(_STATE.size))
    except (OSError, struct.error):
        return ""
    if magic != _MAGIC:
        return ""
    if persistency != _PERSISTENT:
        return None
    return "logical" if database else "physical"
