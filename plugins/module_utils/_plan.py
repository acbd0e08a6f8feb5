# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of site.yml: who is primary, and what to do to each node. Pure.

Check mode prints the very plan that the run carries out.
"""

from __future__ import annotations

from ansible_collections.hotstandby.postgresql.plugins.module_utils._plan_primary import choose_primary
from ansible_collections.hotstandby.postgresql.plugins.module_utils._plan_standby import plan_standby
from ansible_collections.hotstandby.postgresql.plugins.module_utils._steps import (
    PRIMARY,
    STANDBY,
    NodePlan,
    Plan,
    Refusal,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._topology import Topology


def plan_site(topology: Topology) -> Plan:
    """Decide who is primary and what brings every other node to it."""
    primary, step, refusals = choose_primary(topology)
    if primary is None or step is None:
        return Plan(None, (), tuple(refusals))
    nodes = [NodePlan(primary.name, PRIMARY, (step,))]
    for member in topology.members:
        if member.name == primary.name or member.node is None:
            continue
        outcome = plan_standby(member.declared, member.node, primary, topology)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            nodes.append(NodePlan(member.name, STANDBY, outcome))
    return Plan(primary.name, tuple(nodes), tuple(refusals))
