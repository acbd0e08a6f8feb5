# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter access_rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner import access
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import members_from

DOCUMENTATION = r"""
name: access_rules
short_description: Access rules for the replication user of every node
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - The list is the same for every node, so that any of them can become primary.
positional: user, version
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_records#filter) returned.
    type: dict
    required: true
  user:
    description: The replication user.
    type: str
    required: true
  version:
    description: Major version of PostgreSQL.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the rules
  ansible.builtin.debug:
    msg: "{{ records | hotstandby.postgresql.access_rules('replicator', '15') }}"
"""

RETURN = r"""
_value:
  description: Rules for P(hotstandby.postgresql.hba_rules#module).
  type: list
  elements: dict
"""


def access_rules(records: Mapping[str, Mapping[str, Any]], user: str, version: str) -> list[dict[str, str]]:
    """Return rules for module hba_rules."""
    return access.access_rules([member.declared for member in members_from(records)], user, version)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"access_rules": access_rules}
