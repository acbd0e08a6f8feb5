# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter distribution."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.distribution import distribution_from

DOCUMENTATION = r"""
name: distribution
short_description: Which distribution a host runs
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Reads what the first task of each playbook had the host print, its os-release file and whether it has the account
    that owns the cluster.
options:
  _input:
    description: What was printed. Nothing is known of a host that printed nothing.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the distribution
  ansible.builtin.debug:
    msg: "{{ (printed.stdout | hotstandby.postgresql.distribution).release }}"
"""

RETURN = r"""
_value:
  description: C(family) (V(Debian), V(RedHat) or V(other)), C(release) (as V(Debian 12)), and C(has_account).
  type: dict
"""


def distribution(printed: str) -> dict[str, Any]:
    """Return what is known of the distribution."""
    return vars(distribution_from(str(printed)))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"distribution": distribution}
