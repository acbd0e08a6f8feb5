# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one version of PostgreSQL calls things and can do. Pure.

Everything that differs between versions is a row of one of the tables below; no other file compares versions.
A row of VALUES lists (first version, value) from old to new; a row of ABILITIES is the first version that
can. Settings and how they are applied: dialect_settings.
Source: the documentation and release notes of each version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .dialect_settings import ALWAYS_RELOAD, ALWAYS_RESTART, RESTARTS

SUPPORTED = ("9.5", "9.6", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19")

_HOT_STANDBY_PARAMETERS = (
    "max_connections",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "max_worker_processes",
)
_REWIND_FUNCTIONS = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)
_SESSION_SETTINGS = (
    ("idle_in_transaction_session_timeout", "0"),
    ("jit", "off"),
    ("default_table_access_method", "heap"),
    ("idle_session_timeout", "0"),
    ("transaction_timeout", "0"),
)

VALUES: Mapping[str, tuple[tuple[str, Any], ...]] = {
    # directories, programs and their options
    "wal_directory": (("9.5", "pg_xlog"), ("10", "pg_wal")),
    "waldir_option": (("9.5", "--xlogdir"), ("10", "--waldir")),
    "waldump_program": (("9.5", "pg_xlogdump"), ("10", "pg_waldump")),
    # where recovery is configured
    "uses_recovery_conf": (("9.5", True), ("12", False)),
    # settings
    "wal_level": (("9.5", "hot_standby"), ("9.6", "replica")),
    "wal_keep_setting": (("9.5", "wal_keep_segments"), ("13", "wal_keep_size")),
    "hot_standby_parameters": (
        ("9.5", _HOT_STANDBY_PARAMETERS),
        ("12", (*_HOT_STANDBY_PARAMETERS, "max_wal_senders")),
    ),
    # functions
    "current_wal_lsn_function": (
        ("9.5", "pg_catalog.pg_current_xlog_location"),
        ("10", "pg_catalog.pg_current_wal_lsn"),
    ),
    "current_wal_insert_lsn_function": (
        ("9.5", "pg_catalog.pg_current_xlog_insert_location"),
        ("10", "pg_catalog.pg_current_wal_insert_lsn"),
    ),
    "current_wal_flush_lsn_function": (
        ("9.5", "pg_catalog.pg_current_xlog_location"),  # 9.6 brought a function of its own
        ("9.6", "pg_catalog.pg_current_xlog_flush_location"),
        ("10", "pg_catalog.pg_current_wal_flush_lsn"),
    ),
    "last_receive_lsn_function": (
        ("9.5", "pg_catalog.pg_last_xlog_receive_location"),
        ("10", "pg_catalog.pg_last_wal_receive_lsn"),
    ),
    "last_replay_lsn_function": (
        ("9.5", "pg_catalog.pg_last_xlog_replay_location"),
        ("10", "pg_catalog.pg_last_wal_replay_lsn"),
    ),
    "walfile_name_function": (("9.5", "pg_catalog.pg_xlogfile_name"), ("10", "pg_catalog.pg_walfile_name")),
    "replay_paused_function": (
        ("9.5", "pg_catalog.pg_is_xlog_replay_paused"),
        ("10", "pg_catalog.pg_is_wal_replay_paused"),
    ),
    "replay_resume_function": (("9.5", "pg_catalog.pg_xlog_replay_resume"), ("10", "pg_catalog.pg_wal_replay_resume")),
    "rewind_functions": (("9.5", ()), ("11", _REWIND_FUNCTIONS)),
    # what a session of ours sets beside what every version has (see session_settings)
    "session_settings": (
        ("9.5", ()),
        ("9.6", _SESSION_SETTINGS[:1]),
        ("11", _SESSION_SETTINGS[:2]),
        ("12", _SESSION_SETTINGS[:3]),
        ("14", _SESSION_SETTINGS[:4]),
        ("17", _SESSION_SETTINGS),
    ),
    # columns of pg_stat_replication
    "sent_lsn_column": (("9.5", "sent_location"), ("10", "sent_lsn")),
    "write_lsn_column": (("9.5", "write_location"), ("10", "write_lsn")),
    "flush_lsn_column": (("9.5", "flush_location"), ("10", "flush_lsn")),
    "replay_lsn_column": (("9.5", "replay_location"), ("10", "replay_lsn")),
}

ABILITIES: Mapping[str, str] = {
    # settings that a reload applies
    "primary_conninfo_reloads": "13",
    # slots
    "has_immediately_reserve": "9.6",
    "has_temporary_slots": "10",
    "has_max_slot_wal_keep_size": "13",
    "has_slot_wal_status": "13",
    # views and columns
    "has_wal_receiver_view": "9.6",
    "wal_receiver_has_sender": "11",
    "has_reply_time": "12",
    "has_control_functions": "9.6",
    "has_hba_file_rules": "10",
    "has_hba_file_names": "16",
    # connection strings
    "conninfo_takes_passfile": "10",
    # authentication and roles
    "has_scram": "10",
    "has_pg_checkpoint_role": "15",
    "has_target_session_attrs": "10",
    # base backup
    "basebackup_takes_slot": "9.6",
    "basebackup_syncs": "10",
    "has_backup_manifest": "13",
    "checksums_by_default": "18",
    # promotion and replay
    "has_pg_promote": "12",
    "promote_waits": "10",
    "promotion_cancels_pause": "13",
    "shortfall_pauses_replay": "14",
    # pg_rewind
    "has_rewind_grants": "11",
    "has_rewind_restore_target_wal": "13",
    "rewind_follows_without_checkpoint": "16",
}


@dataclass(frozen=True)
class Dialect:
    """One major version. The fields after number are the rows of VALUES and ABILITIES."""

    major: str
    """"15", or "9.6"."""
    number: int
    """As in server_version_num without the minor version: 150000, 90600."""

    wal_directory: str
    waldir_option: str
    waldump_program: str
    uses_recovery_conf: bool
    wal_level: str
    wal_keep_setting: str
    hot_standby_parameters: tuple[str, ...]
    current_wal_lsn_function: str
    current_wal_insert_lsn_function: str
    current_wal_flush_lsn_function: str
    last_receive_lsn_function: str
    last_replay_lsn_function: str
    walfile_name_function: str
    replay_paused_function: str
    replay_resume_function: str
    rewind_functions: tuple[str, ...]
    session_settings: tuple[tuple[str, str], ...]
    sent_lsn_column: str
    write_lsn_column: str
    flush_lsn_column: str
    replay_lsn_column: str

    primary_conninfo_reloads: bool
    has_immediately_reserve: bool
    has_temporary_slots: bool
    has_max_slot_wal_keep_size: bool
    has_slot_wal_status: bool
    has_wal_receiver_view: bool
    wal_receiver_has_sender: bool
    has_reply_time: bool
    has_control_functions: bool
    has_hba_file_rules: bool
    has_hba_file_names: bool
    conninfo_takes_passfile: bool
    has_scram: bool
    has_pg_checkpoint_role: bool
    has_target_session_attrs: bool
    basebackup_takes_slot: bool
    basebackup_syncs: bool
    has_backup_manifest: bool
    checksums_by_default: bool
    has_pg_promote: bool
    promote_waits: bool
    promotion_cancels_pause: bool
    shortfall_pauses_replay: bool
    has_rewind_grants: bool
    has_rewind_restore_target_wal: bool
    rewind_follows_without_checkpoint: bool

    @classmethod
    def for_version(cls, version: str | int) -> Dialect:
        """The dialect of "15", "15.18", "9.6.24" or server_version_num (150018).

        Raises ValueError for a version that is not one of SUPPORTED.
        """
        major = major_of(version)
        if major not in SUPPORTED:
            raise ValueError(f"PostgreSQL {version} is not supported (supported are {SUPPORTED[0]} to {SUPPORTED[-1]})")
        number = _number(major)
        values = {name: _at(row, number) for name, row in VALUES.items()}
        abilities: dict[str, Any] = {name: number >= _number(first) for name, first in ABILITIES.items()}
        return cls(major=major, number=number, **values, **abilities)

    def needs_restart(self, setting: str) -> bool | None:
        """Whether a change of this setting takes a restart (True) or a reload (False) to apply.

        None: this version does not have it, or this table does not know it (a running server does:
        pg_settings.context).
        """
        name = setting.lower()
        if name in RESTARTS:
            answer: bool | None = _at(RESTARTS[name], self.number)
            return answer
        if name in ALWAYS_RESTART:
            return True
        return False if name in ALWAYS_RELOAD else None


def major_of(version: str | int) -> str:
    """Major version of a version in any notation; the text itself when it is in none."""
    text = str(version).strip()
    if text.isascii() and text.isdigit() and int(text) >= 10000:
        number = int(text)
        return str(number // 10000) if number >= 100000 else f"{number // 10000}.{number // 100 % 100}"
    found = re.match(r"(\d+)(?:\.(\d+))?", text, re.ASCII)
    if not found:
        return text
    return found.group(1) if int(found.group(1)) >= 10 else ".".join(part for part in found.groups() if part)


def _number(major: str) -> int:
    """The notation of server_version_num: 9.6 gives 90600, 15 gives 150000."""
    first, second = [*major.split("."), "0"][:2]
    return int(first) * 10000 + int(second) * 100


def _at(row: tuple[tuple[str, Any], ...], number: int) -> Any:
    """The value of the newest entry that is not newer than the version."""
    return [value for first, value in row if _number(first) <= number][-1]


def dialect_for(version: str | int) -> Dialect:
    """The dialect of a version in any notation. Raises HotStandbyError "version_unsupported"."""
    try:
        return Dialect.for_version(version)
    except ValueError as error:
        raise HotStandbyError("version_unsupported", str(error), "Set postgres_version to a supported one") from error


def same_major(version: str, dialect: Dialect) -> bool:
    """Whether a version in any notation is that of the dialect."""
    try:
        return Dialect.for_version(version).major == dialect.major
    except ValueError:
        return False
