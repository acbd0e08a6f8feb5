# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter role_groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Callable

DOCUMENTATION = r"""
name: role_groups
short_description: Which node joins which of the groups postgres_primary and postgres_standby
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - The groups are for plays of the user's own.
  - No host can be taken out of a group again. A node whose role was changed after it had been grouped, in one run of
    ansible-playbook, stays in the group of before, and is in one of them only.
positional: groups
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_status#filter) returned.
    type: dict
    required: true
  groups:
    description: The variable of that name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show who joins which group
  ansible.builtin.debug:
    msg: "{{ (postgres_status | hotstandby.postgresql.role_groups(groups)).joining }}"
"""

RETURN = r"""
_value:
  description: >-
    C(joining), C(name) and C(group) of each node that serves; and C(staying), a sentence for each node that stays in
    the group of its role before.
  type: dict
"""

PRIMARY = "postgres_primary"
STANDBY = "postgres_standby"
SERVING_STANDBY = ("streaming", "not streaming")


def role_groups(status: Mapping[str, Any], groups: Mapping[str, Collection[str]]) -> dict[str, list[Any]]:
    """Return who joins, and who stays."""
    joining, staying = [], []
    for node in status["nodes"]:
        name = node["name"]
        if name == status["primary"]:
            group, other = PRIMARY, STANDBY
        elif node["state"] in SERVING_STANDBY:
            group, other = STANDBY, PRIMARY
        else:
            continue
        if name in groups.get(other, ()):
            staying.append(
                f"{name}: it is in the group {other}, from before the primary was moved in this run of "
                "ansible-playbook; a play on these groups needs a run of its own"
            )
        else:
            joining.append({"name": name, "group": group})
    return {"joining": joining, "staying": staying}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"role_groups": role_groups}
