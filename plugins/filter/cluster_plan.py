# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cluster_plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.claims import claim_refusals
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.goals import plan_for
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.hosts import with_hosts
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import members_from
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.plan import Plan
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.preflight import check
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology

DOCUMENTATION = r"""
name: cluster_plan
short_description: Decide what is done to each node of a cluster
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Decides from what was observed of all nodes; it changes nothing.
  - Check mode prints the same plan that a run carries out.
positional: goal, options
options:
  _input:
    description: What the filter P(hotstandby.postgresql.cluster_records#filter) returned.
    type: dict
    required: true
  goal:
    description:
      - What the plan is for. V(site) builds and completes a cluster, V(rejoin) brings back what left it, V(switchover),
        V(failover) and V(restart) are the playbooks of these names.
      - V(repoint) is what follows a promotion; nodes that cannot simply follow are left.
    type: str
    choices: [site, rejoin, switchover, failover, restart, repoint]
    default: site
  options:
    description: What the user asks for, by the names that the playbooks' documentation gives, without the prefix.
    type: dict
    default: {}
  strays:
    description: Hosts of the inventory that are in no group.
    type: list
    elements: str
    default: []
  left_out:
    description: Hosts of the cluster that are not part of the play.
    type: list
    elements: str
    default: []
  number:
    description: Number of this decision in the run of ansible-playbook; all but the first are of a run that acts.
    type: int
    default: 1
  check_mode:
    description: Whether only those plays get hosts that run in check mode.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ (records | hotstandby.postgresql.cluster_plan('switchover', {'to': 'db-2'})).lines }}"
"""

RETURN = r"""
_value:
  description:
    - The primary, each node's role and steps with their reasons, the refusals, what is left undone, and the hosts of
      each play by its purpose (see P(hotstandby.postgresql.planned_hosts#filter)).
  type: dict
"""


# Goals for which every host has to be in order; the others get on without one that is not.
WHOLE = ("site", "rejoin")


def cluster_plan(
    records: Mapping[str, Mapping[str, Any]],
    goal: str = "site",
    options: Mapping[str, Any] | None = None,
    strays: Iterable[str] = (),
    left_out: Iterable[str] = (),
    number: int = 1,
    check_mode: bool = False,
) -> dict[str, Any]:
    """Return the plan as plain data."""
    members = members_from(records)
    refusals = claim_refusals(records, first=number == 1) or check(members, strays, left_out, hosts=goal in WHOLE)
    if refusals:
        plan = with_hosts(Plan.refused(*refusals).to_plain(), {}, check_mode=check_mode)
    else:
        plan = plan_for(goal, Topology.of(members), options or {}, check_mode=check_mode)
    return {**plan, "number": number}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cluster_plan": cluster_plan}
