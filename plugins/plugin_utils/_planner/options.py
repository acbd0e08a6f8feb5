# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables are ours, and which only look like it: a mistyped option is refused. Pure.

A name that was typed (-e, or vars of an imported playbook) and begins as ours do has to be one of ours, and so has one
that is nearly an option. In the inventory names of others may begin like ours: there only a name that is nearly one of
ours is taken for a mistake, and one by which the playbooks talk to the roles.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import SequenceMatcher, get_close_matches

from .plan import Refusal

PREFIXES = ("switchover_", "failover_", "rejoin_", "restart_", "status_", "postgres_", "master_", "hot_standby_")
"""With these the names of our variables begin."""

OPTIONS: Mapping[str, str] = {
    "switchover_to": "switchover.yml",
    "switchover_maximum_lag": "switchover.yml",
    "switchover_maximum_archive_backlog": "switchover.yml",
    "switchover_timeout": "switchover.yml",
    "failover_primary_is_dead": "failover.yml",
    "failover_to": "failover.yml",
    "failover_maximum_loss": "failover.yml",
    "failover_salvage": "failover.yml",
    "failover_end_sessions": "failover.yml",
    "rejoin_primary": "rejoin.yml",
    "restart_primary_by": "restart.yml",
    "restart_all": "restart.yml",
    "status_format": "status.yml",
}
"""The playbooks' own options. The roles' variables are in their argument specs."""

FACTS = frozenset(
    {
        "hot_standby_follow",
        "hot_standby_rewind",
        "master_promotion",
        "master_salvage",
        "master_salvage_outcome",
        "postgres_declared",
        "postgres_left",
        "postgres_observed",
        "postgres_plan",
        "postgres_records",
        "postgres_restart_hands_over",
        "postgres_run",
        "postgres_status",
    }
)
"""What the roles publish. A run before this one, of the same ansible-playbook, may have left them."""

PASSED = frozenset(
    {
        "postgres_files_are_seen",
        "postgres_goal",
        "postgres_goal_options",
        "postgres_ignore_unreachable",
        "postgres_look_action",
        "postgres_new_primary",
        "postgres_not_asked",
        "postgres_old_primary",
        "postgres_parts_are_compared",
        "postgres_peers_are_asked",
        "postgres_playbook",
        "postgres_primary",
        "postgres_server_state",
        "postgres_server_timeout",
        "postgres_settings_are_compared",
        "postgres_verify_ends_the_run",
    }
)
"""What the playbooks tell the roles, task by task. Set by a user it would change what every task does."""

NO_HOSTS = Refusal(
    "no_hosts",
    "inventory",
    "the groups master and hot_standby are empty or missing, so there is nothing to do",
    "Start from inventory.example.ini and give it to ansible-playbook with -i",
)

TYPED = "-e"
NEARLY = 0.8


def unknown_options(
    typed: Iterable[str], kept: Mapping[str, Iterable[str]], role_variables: Collection[str]
) -> list[Refusal]:
    """Refuse an inventory without hosts, and what is nobody's option.

    typed: names from the command line; kept: by host, all names that the inventory and earlier plays gave it;
    role_variables: names in the roles' argument specs.
    """
    if not kept:
        return [NO_HOSTS]
    known = {*OPTIONS, *role_variables}
    typed = set(typed)
    refusals = [
        _refusal(name, TYPED, known) for name in sorted(typed) if name not in known and _looks_like_ours(name, known)
    ]
    hosts: dict[str, list[str]] = {}
    for host, names in kept.items():
        for name in names:
            if name not in known and name not in FACTS and name not in typed and _is_a_mistake(name, known):
                hosts.setdefault(name, []).append(host)
    return [*refusals, *(_refusal(name, ", ".join(hosts[name]), known) for name in sorted(hosts))]


def _looks_like_ours(name: str, known: Collection[str]) -> bool:
    return name.startswith(PREFIXES) or any(_likeness(name, other) > 0.9 for other in known)


def _is_a_mistake(name: str, known: Collection[str]) -> bool:
    """Compared without what all of them have in common: postgres_exporter_port is none of our business."""
    if name in PASSED:
        return True
    return any(
        _likeness(name[len(prefix) :], other[len(prefix) :]) >= NEARLY
        for prefix in PREFIXES
        if name.startswith(prefix)
        for other in known
        if other.startswith(prefix)
    )


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other).ratio()


def _refusal(name: str, where: str, known: Collection[str]) -> Refusal:
    if name in PASSED or name in FACTS:
        message, hint = f"{name} is set by the playbooks themselves", "Take it out"
    else:
        message = f"{name} is no variable of this collection"
        hint = " ".join(_hints(name, known))
    return Refusal("unknown_option", where, message, hint)


def _hints(name: str, known: Collection[str]) -> Iterator[str]:
    near = get_close_matches(name, sorted(known), n=1)
    if near:
        yield f"Did you mean {near[0]}?"
    yield "README.md lists them; a variable of your own needs a name that does not begin as ours do"
