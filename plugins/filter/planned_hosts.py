# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter planned_hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable

DOCUMENTATION = r"""
name: planned_hosts
short_description: The hosts of a play, from the plan that was made last
version_added: 1.1.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - A play's hosts could be a group that the plan makes. But no host can be taken out of a group again, and one run of
    ansible-playbook may move the primary more than once.
  - The purpose V(every_node) needs no plan. That a play takes its hosts from a filter has Ansible load all plugins of
    the collection once, in the process of which each task is a fork; a task that loads them itself takes a tenth of a
    second longer, on each host.
  - The purpose V(release) has no host once the primary has proved that it can be written to, since the proof ends the
    run on each node.
positional: groups, purpose
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  groups:
    description: The variable of that name.
    type: dict
    required: true
  purpose:
    description: What the play is for.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Restart the standbys that come before the primary
  hosts: >-
    {{ hostvars | default({}) | hotstandby.postgresql.planned_hosts(groups, 'restart_before') }}
  tasks: []
"""

RETURN = r"""
_value:
  description: A pattern of hosts; C(postgres_nobody) when the play has none.
  type: str
"""

NOBODY = "postgres_nobody"
RELEASE = "release"
EVERY_NODE = "every_node"


def planned_hosts(hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], purpose: str) -> str:
    """Return the pattern. Without hostvars, as in --syntax-check, nobody matches it."""
    if purpose == EVERY_NODE:
        return "master:hot_standby"
    names = [*groups.get("master", ()), *groups.get("hot_standby", ())]
    plans = [plan for name in names if name in hostvars and (plan := hostvars[name].get("postgres_plan"))]
    # a host that was lost keeps the plan of the time before
    last: Mapping[str, Any] = max(plans, key=lambda plan: int(plan["number"]), default={"hosts": {}})
    if purpose == RELEASE and _proved(hostvars, last):
        return NOBODY
    return ",".join(last["hosts"].get(purpose, ())) or NOBODY


def _proved(hostvars: Mapping[str, Mapping[str, Any]], plan: Mapping[str, Any]) -> bool:
    """Whether tasks/verify.yml has written a row on the plan's primary."""
    primary = hostvars[plan["primary"]] if plan.get("primary") in hostvars else {}
    return "token" in primary.get("__postgres_written", {})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"planned_hosts": planned_hosts}
