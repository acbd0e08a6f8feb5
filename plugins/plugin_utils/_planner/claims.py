# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes' claims mean for a run: it goes on only with every node that it has seen. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._run import Run

from .plan import Refusal


def claim_refusals(records: Mapping[str, Mapping[str, Any]], *, first: bool) -> list[Refusal]:
    """Why the run may not go on. first: whether it has done nothing yet.

    Two runs whose first looks cross each hold some of the nodes: neither of them goes on then.
    """
    return [
        *(_held(names, run, age, first=first) for names, run, age in _holders(records)),
        *(
            Refusal(
                "claim_failed",
                name,
                f"this run could not claim the node: {record['claim']['problem']}",
                "Put that right and run this again; a host that has failed for good is named in"
                " failover_primary_is_dead, and is not asked then",
            )
            for name, record in records.items()
            if record.get("claim") and record["claim"]["problem"]
        ),
    ]


def claims_told(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The runs that may be at work, for who only looks."""
    return [
        f"{run}, since {run.since}, has not ended yet on {names}; its last act there was {age:.0f} s ago"
        for names, run, age in _holders(records)
    ]


def _holders(records: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Run, float]]:
    """Each other run that holds nodes, with their names and the seconds since its last act on any of them."""
    found: dict[str, list[tuple[str, Run, float]]] = {}
    for name, record in records.items():
        claim = record.get("claim")
        if claim and not claim["granted"] and claim["holder"] and not claim["problem"]:
            run = Run.from_plain(claim["holder"])
            found.setdefault(run.id, []).append((name, run, float(claim["age_seconds"])))
    for rows in found.values():
        yield ", ".join(row[0] for row in rows), rows[0][1], min(row[2] for row in rows)


def _held(names: str, run: Run, age: float, *, first: bool) -> Refusal:
    if first:
        return Refusal(
            "in_progress",
            names,
            f"another run is at work: {run}, since {run.since}; its last act there was {age:.0f} s ago",
            "Wait until it has ended; if it is to be overtaken, run this again with -e take_over=true (it does nothing"
            " more then)",
        )
    return Refusal(
        "overtaken",
        names,
        f"this run was overtaken by {run}, since {run.since}, and does nothing more",
        "See with status.yml what that run has made of the cluster",
    )
