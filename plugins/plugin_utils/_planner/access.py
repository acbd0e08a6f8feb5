# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect as the replication user, and the passfile that goes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

from .members import Declared

# Streaming and base backups come to the pseudo-database replication; pg_rewind and the list of tablespaces
# need a real one.
DATABASES = ("replication", "postgres")


def access_rules(declared: Iterable[Declared], user: str, version: str) -> list[dict[str, str]]:
    """One rule per node and database; the same list on every node, so that any of them can become primary.

    Raises ValueError for an unsupported version.
    """
    method = "scram-sha-256" if Dialect.for_version(version).has_scram else "md5"
    return [
        {"type": "host", "database": database, "user": user, "address": address, "method": method}
        for address in sorted({node.address for node in declared})
        for database in DATABASES
    ]


def passfile_entries(declared: Iterable[Declared], user: str) -> list[dict[str, Any]]:
    """One line per node; the same on every node."""
    return [
        {"host": node.address, "port": node.port, "database": "*", "user": user}
        for node in sorted(declared, key=lambda node: (node.address, node.port))
    ]
