# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each playbook's plan as plain data, from what the user asked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import bytes_of

from .converge import plan_rejoin, plan_repoint, plan_site
from .failover import FailoverOptions, plan_failover
from .plan import Plan, Refusal
from .restart import plan_restart
from .switchover import SwitchoverOptions, plan_switchover
from .topology import Topology, places_to_ask

Options = Mapping[str, Any]


def plan_for(goal: str, topology: Topology, options: Options) -> dict[str, Any]:
    """Make the plan. Raises KeyError for a goal that there is not."""
    try:
        return _GOALS[goal](topology, options)
    except BadValueError as error:
        return Plan.refused(error.refusal).to_plain()


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


def _site(topology: Topology, dummy: Options) -> dict[str, Any]:
    return plan_site(topology).to_plain()


def _rejoin(topology: Topology, options: Options) -> dict[str, Any]:
    return plan_rejoin(topology, options.get("primary") or None).to_plain()


def _repoint(topology: Topology, options: Options) -> dict[str, Any]:
    gone = options.get("gone") or None
    return {**plan_repoint(topology, str(options["primary"]), gone).to_plain(), "gone": gone}


def _switchover(topology: Topology, options: Options) -> dict[str, Any]:
    outcome = plan_switchover(
        topology,
        SwitchoverOptions(
            to=options.get("to") or None,
            maximum_lag=_bytes(options, "maximum_lag", "switchover_maximum_lag"),
            maximum_archive_backlog=_number(options, "maximum_archive_backlog", "switchover_maximum_archive_backlog"),
        ),
    )
    ask = places_to_ask(topology, outcome.candidate)
    former = topology.primary.name if topology.primary else None
    plain = {"candidate": outcome.candidate, "promoted": outcome.promoted, "former": former, "ask": ask}
    return {**outcome.plan.to_plain(), **plain}


def _failover(topology: Topology, options: Options) -> dict[str, Any]:
    outcome = plan_failover(
        topology,
        FailoverOptions(
            dead=tuple(name.strip() for name in str(options.get("dead") or "").split(",") if name.strip()),
            to=options.get("to") or None,
            maximum_loss=_bytes(options, "maximum_loss", "failover_maximum_loss"),
            salvage=bool(options["salvage"]),
            end_sessions=bool(options.get("end_sessions", True)),
            fence_commands=tuple(options.get("fence_commands") or ()),
            detached=bool(options.get("detached")),
            gone=options.get("gone") or None,
            heard=options.get("heard") or None,
            seen=options.get("seen") or None,
        ),
    )
    plain = dict(vars(outcome))
    ask = places_to_ask(topology, outcome.candidate, outcome.gone)
    return {**plain.pop("plan").to_plain(), **plain, "ask": ask}


def _restart(topology: Topology, options: Options) -> dict[str, Any]:
    outcome = plan_restart(
        topology, everything=bool(options["everything"]), by_switchover=bool(options["by_switchover"])
    )
    groups = {"before": list(outcome.before), "restart_primary": outcome.primary, "after": list(outcome.after)}
    return {**outcome.plan.to_plain(), **groups, "start_primary": outcome.starts}


_GOALS: dict[str, Callable[[Topology, Options], dict[str, Any]]] = {
    "site": _site,
    "rejoin": _rejoin,
    "repoint": _repoint,
    "switchover": _switchover,
    "failover": _failover,
    "restart": _restart,
}
