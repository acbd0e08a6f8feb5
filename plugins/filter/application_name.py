# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter application_name."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import slot_name

DOCUMENTATION = r"""
name: application_name
short_description: Name with which a node connects to its primary
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - The node's own name, unless a server would cut it (after 63 bytes) or change it (what is not printable ASCII).
    Then it ends with a short hash, so that two nodes never get the same name.
options:
  _input:
    description: The node's name in the inventory.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what pg_stat_replication shows of this host
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | hotstandby.postgresql.application_name }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""


def application_name(node: str) -> str:
    """Return the node's application_name."""
    return slot_name.application_name(node)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"application_name": application_name}
