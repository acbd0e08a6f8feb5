# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings take a restart and which a reload, version by version. Pure; Dialect.needs_restart reads it.

Source: the documentation of each version (the context column of pg_settings).
"""

from __future__ import annotations

from collections.abc import Mapping

# Whether a change of a setting needs a restart (True) or only a reload (False); None where the setting does
# not exist. Settings of recovery.conf (up to 11) are read at start only. Rows whose value never differs are
# in ALWAYS_RESTART and ALWAYS_RELOAD.
RESTARTS: Mapping[str, tuple[tuple[str, bool | None], ...]] = {
    "primary_conninfo": (("9.5", True), ("13", False)),
    "primary_slot_name": (("9.5", True), ("13", False)),
    "restore_command": (("9.5", True), ("14", False)),
    "archive_cleanup_command": (("9.5", True), ("12", False)),
    "recovery_end_command": (("9.5", True), ("12", False)),
    "recovery_min_apply_delay": (("9.5", True), ("12", False)),
    "trigger_file": (("9.5", True), ("12", None)),
    "promote_trigger_file": (("9.5", None), ("12", False), ("16", None)),
    "standby_mode": (("9.5", True), ("12", None)),
    "wal_keep_segments": (("9.5", False), ("13", None)),
    "wal_keep_size": (("9.5", None), ("13", False)),
    "max_slot_wal_keep_size": (("9.5", None), ("13", False)),
    "wal_receiver_create_temp_slot": (("9.5", None), ("13", False)),
    "archive_library": (("9.5", None), ("15", False)),
    "sync_replication_slots": (("9.5", None), ("17", False)),
    "synchronized_standby_slots": (("9.5", None), ("17", False)),
    "summarize_wal": (("9.5", None), ("17", False)),
    "idle_replication_slot_timeout": (("9.5", None), ("18", False)),
    "max_active_replication_origins": (("9.5", None), ("18", True)),
    "ssl": (("9.5", True), ("10", False)),
    "autovacuum_max_workers": (("9.5", True), ("18", False)),
    "max_logical_replication_workers": (("9.5", None), ("10", True)),
}
ALWAYS_RESTART = frozenset(
    {
        "archive_mode",
        "autovacuum_freeze_max_age",
        "autovacuum_multixact_freeze_max_age",
        "cluster_name",
        "config_file",
        "data_directory",
        "dynamic_shared_memory_type",
        "event_source",
        "external_pid_file",
        "hba_file",
        "hot_standby",
        "huge_pages",
        "ident_file",
        "listen_addresses",
        "logging_collector",
        "max_connections",
        "max_files_per_process",
        "max_locks_per_transaction",
        "max_pred_locks_per_transaction",
        "max_prepared_transactions",
        "max_replication_slots",
        "max_wal_senders",
        "max_worker_processes",
        "port",
        "recovery_target",
        "recovery_target_action",
        "recovery_target_inclusive",
        "recovery_target_lsn",
        "recovery_target_name",
        "recovery_target_time",
        "recovery_target_timeline",
        "recovery_target_xid",
        "shared_buffers",
        "shared_preload_libraries",
        "superuser_reserved_connections",
        "track_activity_query_size",
        "track_commit_timestamp",
        "unix_socket_directories",
        "unix_socket_group",
        "unix_socket_permissions",
        "wal_buffers",
        "wal_level",
        "wal_log_hints",
    }
)
ALWAYS_RELOAD = frozenset(
    {
        "archive_command",
        "archive_timeout",
        "checkpoint_completion_target",
        "checkpoint_timeout",
        "full_page_writes",
        "hot_standby_feedback",
        "log_checkpoints",
        "log_connections",
        "log_destination",
        "log_directory",
        "log_filename",
        "log_line_prefix",
        "log_min_duration_statement",
        "log_replication_commands",
        "log_timezone",
        "maintenance_work_mem",
        "max_standby_archive_delay",
        "max_standby_streaming_delay",
        "max_wal_size",
        "min_wal_size",
        "password_encryption",
        "synchronous_commit",
        "synchronous_standby_names",
        "timezone",
        "wal_compression",
        "wal_receiver_status_interval",
        "wal_receiver_timeout",
        "wal_retrieve_retry_interval",
        "wal_sender_timeout",
        "work_mem",
    }
)
