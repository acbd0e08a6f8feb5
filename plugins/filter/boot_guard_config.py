# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter boot_guard_config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.boot_guard_config import guard_config
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import members_from

DOCUMENTATION = r"""
name: boot_guard_config
short_description: Configuration of the boot guard of one node
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Says how the guard reaches the other nodes, and with which settings its node would follow each of them.
positional: node, instance
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_records#filter) returned.
    type: dict
    required: true
  node:
    description: Name of the node that the guard is for.
    type: str
    required: true
  instance:
    description:
      - About that node, C(version), C(data_directory), C(bin_directory), C(user) (of replication),
        C(passfile) and C(restore_command).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what the guard is told
  ansible.builtin.debug:
    msg: "{{ records | hotstandby.postgresql.boot_guard_config(inventory_hostname, instance) }}"
"""

RETURN = r"""
_value:
  description: The guard's configuration, without the password.
  type: dict
"""


def boot_guard_config(
    records: Mapping[str, Mapping[str, Any]], node: str, instance: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the configuration of the guard of a node."""
    return guard_config([member.declared for member in members_from(records)], node, instance)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"boot_guard_config": boot_guard_config}
