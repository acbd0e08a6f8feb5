# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter left_undone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner import left_undone as planner
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.left_undone import (
    Ending,
    checkpoint_missing,
)
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.plan import Left

DOCUMENTATION = r"""
name: left_undone
short_description: What a promotion leaves undone at the end of its run
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - What the plan leaves, nodes on which a task has failed since, what could not be configured, and a first checkpoint
    that the new primary could not make.
positional: hostvars, hosts, alive
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_plan#filter) returned for the goal V(repoint).
    type: dict
    required: true
  hostvars:
    description: The variable of that name.
    type: dict
    required: true
  hosts:
    description: Names of the cluster's hosts.
    type: list
    elements: str
    required: true
  alive:
    description: Those of the hosts on which no task has failed.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show what is left
  ansible.builtin.debug:
    msg: "{{ postgres_plan | hotstandby.postgresql.left_undone(hostvars, ansible_play_hosts_all, ansible_play_hosts) }}"
"""

RETURN = r"""
_value:
  description:
    - For each, C(node), C(text), and C(expected), whether the plan means it so; anything else is a failure of the run.
  type: list
  elements: dict
"""


def left_undone(
    plan: Mapping[str, Any], hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], alive: Collection[str]
) -> list[dict[str, Any]]:
    """Return what is left, as plain data."""
    primary = hostvars[plan["primary"]]
    node = (primary.get("postgres_observed") or {}).get("node") or {}
    ending = Ending(
        primary=plan["primary"],
        old_primary=plan["old_primary"],
        failed=tuple(name for name in hosts if name not in alive),
        objections={name: texts for name in hosts if (texts := hostvars[name].get("__postgres_objections"))},
        checkpoint_failed=checkpoint_missing(
            primary.get("master_promotion") or {},
            (node.get("control") or {}).get("timeline") or 0,
            (node.get("server") or {}).get("timeline") or 1,
        ),
    )
    planned = [Left(**left) for left in plan["left"]]
    return [vars(left) for left in planner.left_undone(planned, ending)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"left_undone": left_undone}
