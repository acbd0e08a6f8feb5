# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a data directory holds: whether it is a cluster, and which entries of it are PostgreSQL's. Pure."""

from __future__ import annotations

# What a data directory is.
ABSENT = "absent"  # not there, or nothing in it but what is ours or the file system's
CLUSTER = "cluster"  # PG_VERSION and global/pg_control are in it
WRECK = "wreck"  # a clone or a rewind that was cut off; of a base backup the control file comes last
OTHER = "other"  # something that is not PostgreSQL's

# What a file system's root holds of its own; a directory with nothing else counts as empty.
FILE_SYSTEM_ENTRIES = frozenset({"lost+found"})

# The server's own entries of a data directory. All else in it is somebody's, and pg_rewind makes no difference.
OWN_ENTRIES = frozenset(
    {
        "PG_VERSION",
        "backup_label",
        "backup_label.old",
        "backup_manifest",
        "base",
        "current_logfiles",
        "current_logfiles.tmp",
        "fallback_promote",
        "global",
        "logrotate",
        "pg_clog",
        "pg_commit_ts",
        "pg_dynshmem",
        "pg_logical",
        "pg_multixact",
        "pg_notify",
        "pg_replslot",
        "pg_serial",
        "pg_snapshots",
        "pg_stat",
        "pg_stat_tmp",
        "pg_subtrans",
        "pg_tblspc",
        "pg_twophase",
        "pg_wal",
        "pg_xact",
        "pg_xlog",
        "postgresql.auto.conf.tmp",
        "postmaster.opts",
        "postmaster.pid",
        "promote",
        "recovery.done",
        "tablespace_map",
        "tablespace_map.old",
    }
)
# With this file a server comes up as a standby, from PostgreSQL 12 on.
SIGNAL_FILE = "standby.signal"
# With this one it recovers from an archive and becomes a primary then, from 12 on.
RECOVERY_SIGNAL_FILE = "recovery.signal"
# Says below 12 whether it is a standby, and has its recovery settings; a server of 12 or later does not start with it.
RECOVERY_CONF = "recovery.conf"
# What makes a server a standby; it is made anew afterwards, not kept.
SIGNALS = (SIGNAL_FILE, RECOVERY_SIGNAL_FILE)
# Files that no server looks for, so that single-user mode starts; the next run puts them back.
HIDDEN = ".hotstandby-hidden"
# What the source has of these is never left where the target had none.
CONFIGURATION = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf", RECOVERY_CONF)

# Beside a standby's data while it is told to become a primary and has not become one yet.
PROMOTION_MARKER = "hotstandby.promotion_pending"
