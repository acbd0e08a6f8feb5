# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter replication_settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner import replication_settings as wanted

DOCUMENTATION = r"""
name: replication_settings
short_description: Settings with which any node can be primary of all the others
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Names and values are those that the given version of PostgreSQL knows.
positional: records, wal_bounds
options:
  _input:
    description: Major version of PostgreSQL.
    type: str
    required: true
  records:
    description: What P(hotstandby.postgresql.cluster_records#filter) returned; the number of nodes counts.
    type: dict
    required: true
  wal_bounds:
    description:
      - C(keep) is the WAL to keep for standbys that have no slot, C(slots) the most that slots may keep, in MiB.
      - V(-1) in C(slots) means no bound.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the settings
  ansible.builtin.debug:
    msg: "{{ '15' | hotstandby.postgresql.replication_settings(records, {'keep': 1024, 'slots': 8192}) }}"
"""

RETURN = r"""
_value:
  description: Settings by name.
  type: dict
"""


def replication_settings(
    version: str, records: Mapping[str, Any], wal_bounds: Mapping[str, int | str]
) -> dict[str, str]:
    """Return the settings for that version; sizes are MiB."""
    return wanted.replication_settings(version, len(records), int(wal_bounds["keep"]), int(wal_bounds["slots"]))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"replication_settings": replication_settings}
