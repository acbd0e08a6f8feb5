# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook's plan as plain data, from what the user asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import bytes_of

from .converge import plan_rejoin, plan_repoint, plan_site
from .copying import to_measure
from .failover import FailoverOptions, plan_failover
from .hosts import Hosts, converging, failing_over, restarting, switching_over, with_hosts
from .parts import with_parts
from .plan import Plan, Refusal
from .restart import plan_restart
from .switchover import SwitchoverOptions, plan_switchover
from .topology import Topology, endpoints_to_ask

Options = Mapping[str, Any]
# The plan as playbooks use it, and the hosts of their plays.
Planned = tuple[dict[str, Any], Hosts]


def plan_for(goal: str, topology: Topology, options: Options, *, check_mode: bool = False) -> dict[str, Any]:
    """Make the plan. Raises KeyError for an unknown goal."""
    try:
        plain, hosts = _GOALS[goal](topology, options)
    except BadValueError as error:
        plain, hosts = Plan.refused(error.refusal).to_plain(), {}
    return with_hosts(plain, hosts, check_mode=check_mode)


class BadValueError(Exception):
    """An option that the user gave has no value that it can have."""

    def __init__(self, variable: str, value: Any, wanted: str) -> None:
        told = f"{variable} is {str(value)!r}, which is not {wanted}"
        self.refusal = Refusal("bad_value", "cluster", told, "Correct it where it is set and run this again")
        super().__init__(told)


def _bytes(options: Options, name: str, variable: str) -> int:
    try:
        return bytes_of(options[name])
    except ValueError:
        wanted = "a number of bytes, alone or with B, kB, MB, GB or TB (16MB)"
        raise BadValueError(variable, options[name], wanted) from None


def _number(options: Options, name: str, variable: str) -> int:
    try:
        return int(options[name])
    except (TypeError, ValueError):
        raise BadValueError(variable, options[name], "a whole number") from None


def _site(topology: Topology, dummy: Options) -> Planned:
    return _converging(plan_site(topology), topology)


def _rejoin(topology: Topology, options: Options) -> Planned:
    return _converging(plan_rejoin(topology, options.get("primary") or None), topology)


def _repoint(topology: Topology, options: Options) -> Planned:
    old_primary = options.get("old_primary") or None
    plan = plan_repoint(topology, str(options["primary"]), old_primary)
    plain, hosts = _converging(plan, topology, promoted=True)
    return {**plain, "old_primary": old_primary}, hosts


def _converging(plan: Plan, topology: Topology, *, promoted: bool = False) -> Planned:
    complete = with_parts(plan, topology)
    plain = {**complete.to_plain(), "measure": to_measure(plan, topology)}
    return plain, converging(complete, topology, promoted=promoted)


def _switchover(topology: Topology, options: Options) -> Planned:
    outcome = plan_switchover(
        topology,
        SwitchoverOptions(
            to=options.get("to") or None,
            maximum_lag=_bytes(options, "maximum_lag", "switchover_maximum_lag"),
            maximum_archive_backlog=_number(options, "maximum_archive_backlog", "switchover_maximum_archive_backlog"),
        ),
    )
    ask = endpoints_to_ask(topology, outcome.candidate)
    old_primary = topology.primary.name if topology.primary else None
    plain = {"candidate": outcome.candidate, "promoted": outcome.promoted, "old_primary": old_primary, "ask": ask}
    return {**outcome.plan.to_plain(), **plain}, switching_over(outcome, topology)


def _failover(topology: Topology, options: Options) -> Planned:
    previous = options.get("previous") or {}
    outcome = plan_failover(
        topology,
        FailoverOptions(
            dead=tuple(name.strip() for name in str(options.get("dead") or "").split(",") if name.strip()),
            to=options.get("to") or None,
            maximum_loss=_bytes(options, "maximum_loss", "failover_maximum_loss"),
            salvage=bool(options["salvage"]),
            end_sessions=bool(options.get("end_sessions", True)),
            fence_commands=tuple(options.get("fence_commands") or ()),
            detached=bool(previous),
            old_primary=previous.get("old_primary"),
            reachable=bool(previous.get("reachable")),
            primary_end=previous.get("primary_end"),
            seen=previous.get("seen"),
        ),
    )
    plain = dict(vars(outcome))
    ask = endpoints_to_ask(topology, outcome.candidate, outcome.old_primary)
    others = [member.declared.endpoint for member in topology.members if member.name != outcome.candidate]
    standbys = [endpoint for endpoint in others if endpoint not in ask]
    hosts = failing_over(outcome, topology, detached=bool(previous))
    return {**plain.pop("plan").to_plain(), **plain, "ask": ask, "ask_standbys": standbys}, hosts


def _restart(topology: Topology, options: Options) -> Planned:
    outcome = plan_restart(
        topology,
        everything=bool(options["everything"]),
        by_switchover=bool(options["by_switchover"]),
        switchover_to=options.get("to") or None,
    )
    plain = {"start_primary": outcome.starts, "hands_over": outcome.hands_over}
    return {**outcome.plan.to_plain(), **plain}, restarting(outcome, topology)


_GOALS: dict[str, Callable[[Topology, Options], Planned]] = {
    "site": _site,
    "rejoin": _rejoin,
    "repoint": _repoint,
    "switchover": _switchover,
    "failover": _failover,
    "restart": _restart,
}
