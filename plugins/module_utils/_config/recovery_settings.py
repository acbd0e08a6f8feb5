# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of recovery: what a standby needs, and what must not be anywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

from . import conninfo
from .conf_file import ConfFile

# A directory with this can only come up as a standby, whatever happens next; it waits until it is told whom to follow.
WAITING_RECOVERY_CONF = "standby_mode = 'on'\nrecovery_target_timeline = 'latest'\n"

# Any of these in force would end or pause the recovery of a standby.
STOPPING = (
    "recovery_target",
    "recovery_target_name",
    "recovery_target_time",
    "recovery_target_xid",
    "recovery_target_lsn",
    "recovery_target_inclusive",
    "recovery_target_action",
    "promote_trigger_file",
    "trigger_file",
)
# What a standby always has, in one place only.
FOLLOWING = ("primary_conninfo", "primary_slot_name", "recovery_target_timeline")
# What it may have besides.
OPTIONAL = ("restore_command", "recovery_min_apply_delay", "archive_cleanup_command", "recovery_end_command")
RECOVERY_SETTINGS = (*FOLLOWING, *OPTIONAL, *STOPPING, "standby_mode")

# How long a standby takes to see that its primary's host has vanished: about 10 + 3 * 5 seconds.
LIVENESS = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}


def source_conninfo(host: str, port: int, user: str, application_name: str) -> dict[str, object]:
    """How a node reaches the one that it copies from or follows; without a password."""
    return {
        "host": host,
        "port": port,
        "user": user,
        "application_name": application_name,
        **LIVENESS,
        "sslmode": "prefer",
    }


def primary_conninfo(
    host: str, port: int, user: str, passfile: str | None, application_name: str, dialect: Dialect
) -> str:
    """The value of primary_conninfo. Raises ValueError for what libpq cannot take."""
    parameters = source_conninfo(host, port, user, application_name)
    if dialect.conninfo_takes_passfile:
        parameters["passfile"] = passfile
    return conninfo.build(parameters)


def wanted_settings(
    dialect: Dialect, conninfo: str, slot: str | None, restore_command: str | None, extra: Mapping[str, str]
) -> dict[str, str | None]:
    """Every recovery setting of this version with its value; None for one that has to be absent."""
    wanted: dict[str, str | None] = dict.fromkeys(RECOVERY_SETTINGS)
    wanted.update(
        primary_conninfo=conninfo,
        primary_slot_name=slot or None,
        recovery_target_timeline="latest",
        restore_command=restore_command or None,
    )
    if dialect.uses_recovery_conf:
        wanted["standby_mode"] = "on"
    return {**wanted, **extra}


def not_elsewhere(wanted: Mapping[str, str | None]) -> frozenset[str]:
    """Names that no other file may set: those that we set, and those that would spoil it."""
    set_here = {name for name, value in wanted.items() if value is not None}
    return frozenset({*FOLLOWING, *STOPPING, "standby_mode"} | set_here)


def without_settings(text: str, names: Iterable[str]) -> str:
    """A configuration file's text without the lines that set one of these."""
    unwanted = {name.lower() for name in names}
    numbers = {setting.line_number for setting in ConfFile(text).settings() if setting.name in unwanted}
    return "\n".join(line for number, line in enumerate(text.split("\n"), start=1) if number not in numbers)
