# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter replication_settings."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _settings

DOCUMENTATION = r"""
name: replication_settings
short_description: Settings with which any node can be primary of all the others
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Names and values are those that the given version of PostgreSQL knows.
positional: nodes, wal_keep, max_slot_wal_keep
options:
  _input:
    description: Major version of PostgreSQL.
    type: str
    required: true
  nodes:
    description: Number of nodes in the cluster.
    type: int
    required: true
  wal_keep:
    description: WAL to keep for standbys that have no slot, in MiB.
    type: int
    required: true
  max_slot_wal_keep:
    description: The most WAL that slots may keep, in MiB; V(-1) for no bound.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show the settings
  ansible.builtin.debug:
    msg: "{{ '15' | hotstandby.postgresql.replication_settings(3, 1024, 8192) }}"
"""

RETURN = r"""
_value:
  description: Settings by name.
  type: dict
"""


def replication_settings(version: str, nodes: int, wal_keep: int, max_slot_wal_keep: int) -> dict[str, str]:
    """Return the settings for that version; sizes are MiB."""
    return _settings.replication_settings(version, nodes, int(wal_keep), int(max_slot_wal_keep))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"replication_settings": replication_settings}
