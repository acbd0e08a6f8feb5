# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter cluster_records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Callable

DOCUMENTATION = r"""
name: cluster_records
short_description: Gather what was declared and observed of each node
version_added: 1.0.0
author:
  - The hotstandby.postgresql authors (@hotstandby)
description:
  - Takes the facts that the role P(hotstandby.postgresql.postgres#role) published for each host.
  - A host that did not answer keeps what was declared of it. What was seen of a host before a task failed on it may be
    true no more, and is left out.
positional: hostvars, alive
options:
  _input:
    description: Names of the cluster's hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable of that name.
    type: dict
    required: true
  alive:
    description: Those of the hosts on which no task has failed. All of them unless it is given.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Gather the records
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | hotstandby.postgresql.cluster_records(hostvars) }}"
"""

RETURN = r"""
_value:
  description:
    - By host, what was declared and what was observed (V(null) for a host that did not answer), and whether a task has
      failed on it since, what its claim said, and what of it is not as declared.
  type: dict
"""


def cluster_records(
    hosts: Iterable[str], hostvars: Mapping[str, Any], alive: Collection[str] | None = None
) -> dict[str, Any]:
    """Return {name: {"declared": ..., "observed": ..., "failed": ..., "claim": ..., "due": ..., "follows": ...}}."""
    records = {}
    for name in hosts:
        variables = hostvars[name]
        observed = variables.get("postgres_observed") or {}
        node = observed.get("node")
        looked = node is not None or bool(observed.get("failed"))
        failed = looked and alive is not None and name not in alive
        records[name] = {
            "declared": {**variables["postgres_declared"], "version": observed.get("wanted_version")},
            "observed": None if failed else node,
            "failed": failed,
            "claim": None if failed else observed.get("claim"),
            "due": None if failed else observed.get("due"),
            "follows": None if failed else observed.get("follows"),
        }
    return records


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cluster_records": cluster_records}
