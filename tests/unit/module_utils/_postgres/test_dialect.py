# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialect as tables, row by row as the documentation and release notes of each version have it."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import (
    ABILITIES,
    SUPPORTED,
    VALUES,
    Dialect,
    major_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect_settings import (
    ALWAYS_RELOAD,
    ALWAYS_RESTART,
    RESTARTS,
)

# y: this version can
ABILITIES_BY_VERSION = """
name                              9.5 9.6  10  11  12  13  14  15  16  17  18  19
uses_recovery_conf                  y   y   y   y   .   .   .   .   .   .   .   .
primary_conninfo_reloads            .   .   .   .   .   y   y   y   y   y   y   y
has_immediately_reserve             .   y   y   y   y   y   y   y   y   y   y   y
has_temporary_slots                 .   .   y   y   y   y   y   y   y   y   y   y
has_max_slot_wal_keep_size          .   .   .   .   .   y   y   y   y   y   y   y
has_slot_wal_status                 .   .   .   .   .   y   y   y   y   y   y   y
has_wal_receiver_view               .   y   y   y   y   y   y   y   y   y   y   y
wal_receiver_has_sender             .   .   .   y   y   y   y   y   y   y   y   y
has_reply_time                      .   .   .   .   y   y   y   y   y   y   y   y
has_control_functions               .   y   y   y   y   y   y   y   y   y   y   y
has_hba_file_rules                  .   .   y   y   y   y   y   y   y   y   y   y
has_hba_file_names                  .   .   .   .   .   .   .   .   y   y   y   y
has_scram                           .   .   y   y   y   y   y   y   y   y   y   y
has_pg_checkpoint_role              .   .   .   .   .   .   .   y   y   y   y   y
has_target_session_attrs            .   .   y   y   y   y   y   y   y   y   y   y
basebackup_takes_slot               .   y   y   y   y   y   y   y   y   y   y   y
basebackup_syncs                    .   .   y   y   y   y   y   y   y   y   y   y
conninfo_takes_passfile             .   .   y   y   y   y   y   y   y   y   y   y
has_backup_manifest                 .   .   .   .   .   y   y   y   y   y   y   y
checksums_by_default                .   .   .   .   .   .   .   .   .   .   y   y
has_pg_promote                      .   .   .   .   y   y   y   y   y   y   y   y
promote_waits                       .   .   y   y   y   y   y   y   y   y   y   y
promotion_cancels_pause             .   .   .   .   .   y   y   y   y   y   y   y
shortfall_pauses_replay             .   .   .   .   .   .   y   y   y   y   y   y
has_rewind_grants                   .   .   .   y   y   y   y   y   y   y   y   y
has_rewind_restore_target_wal       .   .   .   .   .   y   y   y   y   y   y   y
rewind_follows_without_checkpoint   .   .   .   .   .   .   .   .   y   y   y   y
"""

# R: a change takes a restart, r: a reload, .: there is no such setting
RESTARTS_BY_VERSION = """
name                              9.5 9.6  10  11  12  13  14  15  16  17  18  19
primary_conninfo                    R   R   R   R   R   r   r   r   r   r   r   r
primary_slot_name                   R   R   R   R   R   r   r   r   r   r   r   r
restore_command                     R   R   R   R   R   R   r   r   r   r   r   r
archive_cleanup_command             R   R   R   R   r   r   r   r   r   r   r   r
recovery_end_command                R   R   R   R   r   r   r   r   r   r   r   r
recovery_min_apply_delay            R   R   R   R   r   r   r   r   r   r   r   r
trigger_file                        R   R   R   R   .   .   .   .   .   .   .   .
promote_trigger_file                .   .   .   .   r   r   r   r   .   .   .   .
standby_mode                        R   R   R   R   .   .   .   .   .   .   .   .
wal_keep_segments                   r   r   r   r   r   .   .   .   .   .   .   .
wal_keep_size                       .   .   .   .   .   r   r   r   r   r   r   r
max_slot_wal_keep_size              .   .   .   .   .   r   r   r   r   r   r   r
wal_receiver_create_temp_slot       .   .   .   .   .   r   r   r   r   r   r   r
archive_library                     .   .   .   .   .   .   .   r   r   r   r   r
sync_replication_slots              .   .   .   .   .   .   .   .   .   r   r   r
synchronized_standby_slots          .   .   .   .   .   .   .   .   .   r   r   r
summarize_wal                       .   .   .   .   .   .   .   .   .   r   r   r
idle_replication_slot_timeout       .   .   .   .   .   .   .   .   .   .   r   r
max_active_replication_origins      .   .   .   .   .   .   .   .   .   .   R   R
ssl                                 R   R   r   r   r   r   r   r   r   r   r   r
autovacuum_max_workers              R   R   R   R   R   R   R   R   R   R   r   r
max_logical_replication_workers     .   .   R   R   R   R   R   R   R   R   R   R
wal_level                           R   R   R   R   R   R   R   R   R   R   R   R
wal_log_hints                       R   R   R   R   R   R   R   R   R   R   R   R
hot_standby                         R   R   R   R   R   R   R   R   R   R   R   R
archive_mode                        R   R   R   R   R   R   R   R   R   R   R   R
max_connections                     R   R   R   R   R   R   R   R   R   R   R   R
max_replication_slots               R   R   R   R   R   R   R   R   R   R   R   R
max_worker_processes                R   R   R   R   R   R   R   R   R   R   R   R
max_prepared_transactions           R   R   R   R   R   R   R   R   R   R   R   R
max_locks_per_transaction           R   R   R   R   R   R   R   R   R   R   R   R
recovery_target_time                R   R   R   R   R   R   R   R   R   R   R   R
max_wal_senders                     R   R   R   R   R   R   R   R   R   R   R   R
archive_command                     r   r   r   r   r   r   r   r   r   r   r   r
synchronous_standby_names           r   r   r   r   r   r   r   r   r   r   r   r
hot_standby_feedback                r   r   r   r   r   r   r   r   r   r   r   r
no_such_setting                     .   .   .   .   .   .   .   .   .   .   .   .
"""

# name, value up to the version before, first version with the other value, other value
RENAMED = [
    ("wal_directory", "pg_xlog", "10", "pg_wal"),
    ("waldir_option", "--xlogdir", "10", "--waldir"),
    ("waldump_program", "pg_xlogdump", "10", "pg_waldump"),
    ("wal_level", "hot_standby", "9.6", "replica"),
    ("wal_keep_setting", "wal_keep_segments", "13", "wal_keep_size"),
    ("current_wal_lsn_function", "pg_catalog.pg_current_xlog_location", "10", "pg_catalog.pg_current_wal_lsn"),
    (
        "current_wal_insert_lsn_function",
        "pg_catalog.pg_current_xlog_insert_location",
        "10",
        "pg_catalog.pg_current_wal_insert_lsn",
    ),
    (
        "last_receive_lsn_function",
        "pg_catalog.pg_last_xlog_receive_location",
        "10",
        "pg_catalog.pg_last_wal_receive_lsn",
    ),
    ("last_replay_lsn_function", "pg_catalog.pg_last_xlog_replay_location", "10", "pg_catalog.pg_last_wal_replay_lsn"),
    ("walfile_name_function", "pg_catalog.pg_xlogfile_name", "10", "pg_catalog.pg_walfile_name"),
    ("replay_paused_function", "pg_catalog.pg_is_xlog_replay_paused", "10", "pg_catalog.pg_is_wal_replay_paused"),
    ("replay_resume_function", "pg_catalog.pg_xlog_replay_resume", "10", "pg_catalog.pg_wal_replay_resume"),
    ("sent_lsn_column", "sent_location", "10", "sent_lsn"),
    ("write_lsn_column", "write_location", "10", "write_lsn"),
    ("flush_lsn_column", "flush_location", "10", "flush_lsn"),
    ("replay_lsn_column", "replay_location", "10", "replay_lsn"),
]


def cells(table: str) -> list[tuple[str, str, str]]:
    header, *rows = (line.split() for line in table.strip().splitlines())
    found = []
    for name, *values in rows:
        assert len(values) == len(header) - 1, name
        found += [(name, version, value) for version, value in zip(header[1:], values)]
    return found


@pytest.mark.parametrize(("name", "version", "mark"), cells(ABILITIES_BY_VERSION))
def test_ability(name: str, version: str, mark: str) -> None:
    assert getattr(Dialect.for_version(version), name) is (mark == "y")


@pytest.mark.parametrize(("name", "version", "mark"), cells(RESTARTS_BY_VERSION))
def test_restart_or_reload(name: str, version: str, mark: str) -> None:
    expected = {"R": True, "r": False, ".": None}[mark]
    assert Dialect.for_version(version).needs_restart(name) is expected
    assert Dialect.for_version(version).needs_restart(name.upper()) is expected


@pytest.mark.parametrize(("name", "before", "since", "after"), RENAMED)
def test_name(name: str, before: object, since: str, after: object) -> None:
    turn = SUPPORTED.index(since)
    found = [getattr(Dialect.for_version(version), name) for version in SUPPORTED]
    assert found == [before] * turn + [after] * (len(SUPPORTED) - turn)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "current_wal_flush_lsn_function",
            {
                "9.5": "pg_catalog.pg_current_xlog_location",
                "9.6": "pg_catalog.pg_current_xlog_flush_location",
                "10": "pg_catalog.pg_current_wal_flush_lsn",
            },
        ),
    ],
)
def test_name_with_several_turns(name: str, values: dict[str, object]) -> None:
    current: object = None
    for version in SUPPORTED:
        current = values.get(version, current)
        assert getattr(Dialect.for_version(version), name) == current, version


@pytest.mark.parametrize("version", SUPPORTED)
def test_hot_standby_parameters(version: str) -> None:
    parameters = set(Dialect.for_version(version).hot_standby_parameters)
    expected = {
        "max_connections",
        "max_prepared_transactions",
        "max_locks_per_transaction",
        "max_worker_processes",
    }
    if SUPPORTED.index(version) >= SUPPORTED.index("12"):
        expected.add("max_wal_senders")
    assert parameters == expected
    assert all(Dialect.for_version(version).needs_restart(parameter) for parameter in parameters)


@pytest.mark.parametrize("version", SUPPORTED)
def test_rewind_functions_go_with_the_grants(version: str) -> None:
    dialect = Dialect.for_version(version)
    assert len(dialect.rewind_functions) == (4 if dialect.has_rewind_grants else 0)


@pytest.mark.parametrize(
    ("version", "major", "number"),
    [
        ("15", "15", 150000),
        ("15.18", "15", 150000),
        (" 15.18 (Debian 15.18-0+deb12u1)", "15", 150000),
        (150018, "15", 150000),
        ("150018", "15", 150000),
        (15, "15", 150000),
        ("9.6", "9.6", 90600),
        ("9.6.24", "9.6", 90600),
        (90624, "9.6", 90600),
        ("9.5.25", "9.5", 90500),
        ("10.23", "10", 100000),
        (100023, "10", 100000),
        ("18beta1", "18", 180000),
    ],
)
def test_versions_in_any_notation(version: str | int, major: str, number: int) -> None:
    dialect = Dialect.for_version(version)
    assert (dialect.major, dialect.number) == (major, number)


@pytest.mark.parametrize("version", ["9.4", "9.4.26", 90426, "9", "8.4", "20", 200000, "", "fifteen", -1])
def test_other_versions_are_refused(version: str | int) -> None:
    with pytest.raises(ValueError, match=r"is not supported \(supported are 9\.5 to 19\)"):
        Dialect.for_version(version)


def test_every_row_is_a_field_and_every_field_a_row() -> None:
    fields = {field.name for field in dataclasses.fields(Dialect)} - {"major", "number"}
    assert fields == VALUES.keys() | ABILITIES.keys()
    assert not VALUES.keys() & ABILITIES.keys()


def test_every_row_is_in_one_of_the_tables_above() -> None:
    seen = {name for name, dummy_version, dummy_mark in cells(ABILITIES_BY_VERSION)}
    assert ABILITIES.keys() <= seen
    assert RESTARTS.keys() <= {name for name, dummy_version, dummy_mark in cells(RESTARTS_BY_VERSION)}


def test_a_setting_is_in_one_table_of_restarts_only() -> None:
    assert not ALWAYS_RESTART & ALWAYS_RELOAD
    assert not RESTARTS.keys() & (ALWAYS_RESTART | ALWAYS_RELOAD)


@pytest.mark.parametrize(
    ("version", "major"),
    [(90400, "9.4"), (90624, "9.6"), (150018, "15"), ("9.4", "9.4"), ("15.18", "15"), ("nonsense", "nonsense")],
)
def test_the_major_version_is_told_of_those_too_that_are_not_supported(version: str | int, major: str) -> None:
    assert major_of(version) == major
