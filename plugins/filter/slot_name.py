# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter slot_name."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres import slot_name as names

DOCUMENTATION = r"""
name: slot_name
short_description: Name of the replication slot of a node
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Lower-case letters, digits and underscores; two nodes never get the same name.
positional: prefix
options:
  _input:
    description: The node's name in the inventory.
    type: str
    required: true
  prefix:
    description: What the names of the slots begin with that the collection owns.
    type: str
    default: hotstandby_
"""

EXAMPLES = r"""
- name: Show the name of this host's slot
  ansible.builtin.debug:
    msg: "{{ inventory_hostname | hotstandby.postgresql.slot_name }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""


def slot_name(node: str, prefix: str = "hotstandby_") -> str:
    """Return the name of the node's slot."""
    return names.slot_name(node, prefix)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"slot_name": slot_name}
