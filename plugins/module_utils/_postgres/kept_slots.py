# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The replication slots that lie in a data directory. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class KeptSlot:
    """A slot that lies in a data directory. kind: physical, logical, or "" where that cannot be told."""

    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})" if self.kind else self.name


def told_slots(slots: Iterable[KeptSlot]) -> str:
    """The slots as people read them; "" for none."""
    return ", ".join(map(str, slots))
