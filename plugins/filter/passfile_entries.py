# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter passfile_entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner import access
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import members_from

DOCUMENTATION = r"""
name: passfile_entries
short_description: Passfile lines for the replication user on every node
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - The list is the same for every node, so that any of them can follow any other.
positional: user
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_records#filter) returned.
    type: dict
    required: true
  user:
    description: The replication user.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the entries
  ansible.builtin.debug:
    msg: "{{ records | hotstandby.postgresql.passfile_entries('replicator') }}"
"""

RETURN = r"""
_value:
  description: Entries for P(hotstandby.postgresql.passfile#module), without the password.
  type: list
  elements: dict
"""


def passfile_entries(records: Mapping[str, Mapping[str, Any]], user: str) -> list[dict[str, Any]]:
    """Return entries for module passfile."""
    return access.passfile_entries([member.declared for member in members_from(records)], user)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"passfile_entries": passfile_entries}
