# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that a node of the cluster needs, by version. Pure."""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

PASSWORD_METHOD = "scram-sha-256"
# What wal_keep_segments counts in below 13; initdb's default size.
SEGMENT_MEBIBYTES = 16
ROOM_STEP = 32


def replication_settings(
    version: str, nodes: int, wal_keep_mebibytes: int, max_slot_wal_keep_mebibytes: int
) -> dict[str, str]:
    """Settings with which any node can be primary of all the others, whatever the roles become.

    Every standby takes one walsender and one slot; a base backup takes two walsenders while it runs. There is
    room for more, since a server has to be restarted to get it: a cluster that grows shall not need that.
    Sizes are MiB; max_slot_wal_keep_mebibytes is -1 for no bound.
    Raises ValueError for an unsupported version.
    """
    dialect = Dialect.for_version(version)
    settings = {
        "wal_level": dialect.wal_level,
        "hot_standby": "on",
        "wal_log_hints": "on",
        "full_page_writes": "on",
        "max_wal_senders": str(_room_for(3 * nodes + 2)),
        "max_replication_slots": str(_room_for(2 * nodes)),
    }
    if dialect.wal_keep_setting == "wal_keep_size":
        settings["wal_keep_size"] = f"{wal_keep_mebibytes}MB"
    else:
        settings["wal_keep_segments"] = str(-(-wal_keep_mebibytes // SEGMENT_MEBIBYTES))
    if dialect.has_max_slot_wal_keep_size:
        bound = max_slot_wal_keep_mebibytes
        settings["max_slot_wal_keep_size"] = "-1" if bound < 0 else f"{max(bound, wal_keep_mebibytes)}MB"
    if dialect.has_scram:
        settings["password_encryption"] = PASSWORD_METHOD
    return settings


def _room_for(needed: int) -> int:
    """The next multiple of ROOM_STEP."""
    return -(-needed // ROOM_STEP) * ROOM_STEP
