# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes until a setting is live, by what the running server says of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .conf_tree import Kind
from .conf_value import same_value

NEEDS_RESTART = "postmaster"
# A session's own idea of such a setting is no witness for the server's.
PRIVATE_SOURCES = frozenset({"client", "session", "user", "database", "database user", "interactive"})
FILE_SOURCE = "configuration file"
FIXED_SOURCES = frozenset({"command line", "environment variable"})

LIVE_SETTINGS_SQL = (
    "SELECT pg_catalog.lower(name) AS name, setting, unit, vartype, context, source, pending_restart"
    " FROM pg_catalog.pg_settings"
)


@dataclass(frozen=True)
class LiveSetting:
    """A row of pg_settings."""

    name: str
    setting: str
    unit: str | None
    vartype: str
    context: str
    source: str
    pending_restart: bool

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> LiveSetting:
        return cls(**row)

    @property
    def kind(self) -> Kind:
        return Kind(self.vartype, self.unit)

    def same(self, value: str) -> bool:
        """Whether a value means what is live; texts are compared without their quotes and spaces."""
        if self.vartype == "string":
            return _bare(value) == _bare(self.setting)
        return same_value(value, self.setting, self.vartype, self.unit)

    def is_live(self, wanted: str | None) -> bool | None:
        """Whether the server works with the wanted value (None: its default); None if it cannot be told."""
        if self.source in PRIVATE_SOURCES:
            return None
        return self.source != FILE_SOURCE if wanted is None else self.same(wanted)


def _bare(value: str) -> str:
    return "".join(character for character in value if character not in " '\"").lower()


@dataclass(frozen=True)
class Effect:
    """Which of the wanted settings wait for a reload, and which for a restart."""

    reload: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def effect(wanted: Mapping[str, str | None], changed: frozenset[str], live: Mapping[str, LiveSetting]) -> Effect:
    """Tell what is not live yet. changed: the settings that this run writes.

    Only a difference between file and server counts, not who made it: a run that was cut off between writing
    and reloading is completed by the next.
    """
    waiting = [name for name, value in wanted.items() if not _settled(name, value, changed, live.get(name))]
    restart = tuple(name for name in waiting if name in live and live[name].context == NEEDS_RESTART)
    return Effect(tuple(name for name in waiting if name not in restart), restart)


def _settled(name: str, value: str | None, changed: frozenset[str], live: LiveSetting | None) -> bool:
    answer = live.is_live(value) if live else None
    return name not in changed if answer is None else answer


def fixed_elsewhere(wanted: Mapping[str, str | None], live: Mapping[str, LiveSetting]) -> list[LiveSetting]:
    """Settings that the server got on its command line or from its environment, other than wanted."""
    return [
        live[name]
        for name, value in wanted.items()
        if name in live and live[name].source in FIXED_SOURCES and not (value is not None and live[name].same(value))
    ]
