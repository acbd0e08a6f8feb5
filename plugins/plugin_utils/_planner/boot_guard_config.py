# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the boot guard of a node has to know, ready-made: it only asks, compares and copies lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import quote
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import settings_file
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_settings import (
    RECOVERY_SETTINGS,
    primary_conninfo,
    wanted_settings,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import (
    HIDDEN,
    RECOVERY_CONF,
    RECOVERY_SIGNAL_FILE,
    SIGNAL_FILE,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

from .members import Declared

CONNECT_TIMEOUT_SECONDS = 2
# How long a peer is waited for whose host answers and whose server does not: well below postgres_timeout.
SERVER_SECONDS = 15
# How long after its own boot a node waits for all others, their hosts included: a minute apart, and their own boot.
BOOT_SECONDS = 90


def guard_config(nodes: Iterable[Declared], name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the guard of the node with that name; no secret is in it.

    options: version, data_directory, bin_directory, user, passfile and
    restore_command ("" for none).
    Raises KeyError or ValueError.
    """
    known = {node.name: node for node in nodes}
    dialect = Dialect.for_version(options["version"])
    return {
        "name": name,
        "data_directory": options["data_directory"],
        "bin_directory": options["bin_directory"],
        "passfile": options["passfile"],
        "user": options["user"],
        "address": known[name].address,
        "port": known[name].port,
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "server_seconds": SERVER_SECONDS,
        "boot_seconds": BOOT_SECONDS,
        "standby_file": RECOVERY_CONF if dialect.uses_recovery_conf else SIGNAL_FILE,
        "settings_file": settings_file(dialect),
        "hidden_files": {file + HIDDEN: file for file in (SIGNAL_FILE, RECOVERY_SIGNAL_FILE, RECOVERY_CONF)},
        "owned_settings": list(RECOVERY_SETTINGS),
        # by name: the plays do not all have the nodes in one order, and the file shall not change with it
        "peers": [_peer(node, known[name], dialect, options) for key, node in sorted(known.items()) if key != name],
    }


def _peer(node: Declared, own: Declared, dialect: Dialect, options: Mapping[str, Any]) -> dict[str, Any]:
    """How to reach a node, and the lines with which ours would follow it, as module recovery_config writes them."""
    conninfo = primary_conninfo(node.address, node.port, options["user"], options["passfile"], own.name, dialect)
    wanted = wanted_settings(dialect, conninfo, own.slot, options["restore_command"] or None, {})
    return {
        "name": node.name,
        "host": node.address,
        "port": node.port,
        "conninfo": conninfo,
        "settings": [f"{name} = {quote(value)}" for name, value in wanted.items() if value is not None],
    }
