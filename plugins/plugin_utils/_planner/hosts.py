# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts take part in which play, by the play's purpose. Pure.

Plays take their hosts from the plan that was made last, and not from groups: Ansible cannot take a host out of a group,
and one run of ansible-playbook may move the primary twice. A play that has no host costs nothing. In check mode only
those plays have hosts that change nothing by themselves, or that know check mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .failover import Failover
from .parts import has_work, is_prepared, is_served, leaves_behind
from .plan import (
    ACCESS,
    CATCH_UP,
    CONNECTION,
    FENCE,
    FOLLOW,
    HAND_OVER,
    OF_A_PRIMARY,
    PRIMARY,
    PROMOTE,
    STANDBY,
    NodePlan,
    Plan,
)
from .restart import Restart
from .switchover import Switchover
from .topology import Topology

Hosts = dict[str, list[str]]

CHECKED = frozenset(
    {
        "converge_primary",
        "configure_primary",
        "converge_standbys",
        "prepare",
        "follow",
        "serve",
        "be_primary",
        "verify",
        "after_verify",
        "clean_up",
        "switchover_try_connection",
        "switchover_try_settings",
    }
)
"""Purposes whose plays run in check mode."""


def converging(plan: Plan, topology: Topology, *, promoted: bool = False) -> Hosts:
    """Those of playbooks/parts/converge.yml and outcome.yml. promoted: whether this follows a promotion.

    Where nothing is done, the first look is the outcome, and nobody looks again. Where one standby has work, all nodes
    take part in the play: Ansible ends a run in which all hosts of a play have failed, and what is left has to be told.
    """
    everybody = _names(topology)
    work = [node for node in plan.nodes if has_work(node)]
    clean_up = [node.name for node in plan.nodes if leaves_behind(node, topology.member(node.name))]
    of_primary = [node for node in work if node.role == PRIMARY]
    of_standbys = [node for node in work if node.role == STANDBY]
    names = [node.name for node in plan.nodes]
    looks_again = bool(work or clean_up or promoted)
    sources = {node.clone_source for node in plan.nodes}
    admit = [node.name for node in of_standbys if node.name in sources and ACCESS in node.parts]

    def prepared(node: NodePlan) -> bool:
        return is_prepared(node, topology.member(node.name))

    return {
        "converge_primary": [node.name for node in of_primary],
        "configure_primary": [node.name for node in of_primary if prepared(node) or is_served(node)],
        "be_primary": [node.name for node in of_primary if any(part in node.parts for part in OF_A_PRIMARY)],
        "before_standbys": names if admit else [],
        "admit": admit,
        "converge_standbys": names if of_standbys else [],
        "prepare": [node.name for node in of_standbys if prepared(node)],
        "follow": [node.name for node in of_standbys if CONNECTION in node.parts],
        "serve": [node.name for node in of_standbys if is_served(node)],
        "verify": names,
        "after_verify": names if clean_up else [],
        "clean_up": clean_up,
        "release": [] if looks_again else everybody,
        "look_again": everybody if looks_again else [],
        "judge": everybody,
        "promoted_cluster": everybody if promoted else [],
    }


def failing_over(outcome: Failover, topology: Topology, *, detached: bool) -> Hosts:
    """Those of failover.yml. detached: whether this is its second decision."""
    plan, names = outcome.plan, _names(topology)
    everybody = {"promoted_cluster": names}
    if detached:
        source = outcome.old_primary if outcome.salvage_from is not None else None
        return {
            **everybody,
            "failover_salvage_from": [source] if source is not None else [],
            "failover_catch_up": _doing(plan, CATCH_UP),
            "failover_promote": _doing(plan, PROMOTE),
        }
    fence = _doing(plan, FENCE) if outcome.reachable else []
    detach = _doing(plan, FOLLOW, PROMOTE) if outcome.candidate is not None else []
    return {
        **everybody,
        "failover_fence_command": names if outcome.fence_command else [],
        "failover_fence": fence,
        "failover_detach": detach,
        "failover_compare": names if outcome.candidate is not None else [],
    }


def switching_over(outcome: Switchover, topology: Topology) -> Hosts:
    """Those of switchover.yml. Nothing is to do when the wanted primary is it, and everybody follows it."""
    names = _names(topology)
    if outcome.candidate is None and outcome.promoted is None:
        return {"switchover_done": names, "look_again": names, "judge": names}
    everybody = {"promoted_cluster": names}
    if outcome.candidate is None:
        return everybody
    return {
        **everybody,
        "switchover_try_connection": _doing(outcome.plan, HAND_OVER, FOLLOW),
        "switchover_try_settings": _doing(outcome.plan, PROMOTE),
        "switchover_old_primary": _doing(outcome.plan, HAND_OVER),
        "switchover_hand_over": _doing(outcome.plan, HAND_OVER, PROMOTE),
    }


def restarting(outcome: Restart, topology: Topology) -> Hosts:
    """Those of restart.yml. A primary that is handed over is restarted by switchover.yml."""
    in_place = outcome.primary and not outcome.hands_over and outcome.plan.primary is not None
    names = _names(topology)
    return {
        "restart_before": list(outcome.before),
        "restart_primary": [str(outcome.plan.primary)] if in_place else [],
        "restart_verify": names if in_place else [],
        "restart_after": list(outcome.after),
        "look_again": names,
        "judge": names,
    }


def with_hosts(plain: Mapping[str, Any], hosts: Hosts, *, check_mode: bool) -> dict[str, Any]:
    """The plan with the hosts of each play. With refusals no play has any."""
    chosen = {} if plain["refusals"] else hosts
    return {**plain, "hosts": {name: of for name, of in chosen.items() if name in CHECKED or not check_mode}}


def _names(topology: Topology) -> list[str]:
    return [member.name for member in topology.members]


def _doing(plan: Plan, *kinds: str) -> list[str]:
    return [node.name for node in plan.nodes if any(node.does(kind) for kind in kinds)]
