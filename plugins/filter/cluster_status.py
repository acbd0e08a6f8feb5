# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cluster_status."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.claims import claims_told
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.members import members_from
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.status import status_of
from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.topology import Topology

DOCUMENTATION = r"""
name: cluster_status
short_description: Describe and judge a cluster
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Says for each node its role, timeline, state and lag, and what is wrong with the cluster.
options:
  _input:
    description: What P(hotstandby.postgresql.cluster_records#filter) returned.
    type: dict
    required: true
  left_out:
    description: Nodes of the inventory that C(--limit) keeps out of the play.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the cluster as a tree
  ansible.builtin.debug:
    msg: "{{ (records | hotstandby.postgresql.cluster_status).tree }}"
"""

RETURN = r"""
_value:
  description: C(healthy), C(nodes), C(problems), C(warnings), and the same as texts in C(tree) and C(json).
  type: dict
"""


def cluster_status(records: Mapping[str, Mapping[str, Any]], left_out: Iterable[str] = ()) -> dict[str, Any]:
    """Return the status as plain data, and as a tree."""
    found = status_of(Topology.of(members_from(records)), tuple(left_out))
    status = replace(found, warnings=(*found.warnings, *claims_told(records)))
    plain = status.to_plain()
    return {**plain, "tree": status.tree(), "json": json.dumps(plain, ensure_ascii=False)}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cluster_status": cluster_status}
