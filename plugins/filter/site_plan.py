# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter site_plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._cluster import (
    members_from,
    plan_to_plain,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._plan import plan_site
from ansible_collections.hotstandby.postgresql.plugins.module_utils._preflight import check
from ansible_collections.hotstandby.postgresql.plugins.module_utils._steps import Plan
from ansible_collections.hotstandby.postgresql.plugins.module_utils._topology import Topology

DOCUMENTATION = r"""
name: site_plan
short_description: Decide who is primary and what brings every other node to it
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - The servers say who is primary. The inventory's groups are looked at only when no node has data.
  - With a refusal in the plan nothing is to be carried out.
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_records#filter) returned.
    type: dict
    required: true
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
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ (records | hotstandby.postgresql.site_plan).lines }}"
"""

RETURN = r"""
_value:
  description: The primary, each node's role and steps with their reasons, and the refusals.
  type: dict
"""


def site_plan(
    records: Mapping[str, Mapping[str, Any]], strays: Iterable[str] = (), left_out: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the plan as plain data."""
    members = members_from(records)
    refusals = check(members, strays, left_out)
    plan = Plan(None, (), tuple(refusals)) if refusals else plan_site(Topology.of(members))
    return plan_to_plain(plan)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"site_plan": site_plan}
