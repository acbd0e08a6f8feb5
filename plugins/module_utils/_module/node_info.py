# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module node_info."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.claim import Claim
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import Node, to_plain
from ansible_collections.hotstandby.postgresql.plugins.module_utils._observe.observation import Scope, observe
from ansible_collections.hotstandby.postgresql.plugins.module_utils._observe.under_way import await_rewind
from ansible_collections.hotstandby.postgresql.plugins.module_utils._run import Claimant, Run
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.sightings import Asker

from .entry import commands_of, instance_of

# How long a look waits for a rewind under a run that has ended; postgres_look_timeout bounds it.
REWIND_SECONDS = 10


def node_info(module: AnsibleModule) -> dict[str, Any]:
    """Observe the instance that the parameters name. Raises HotStandbyError."""
    params = module.params
    claim = _claim(params["run"] or {}, check_mode=module.check_mode)
    if claim and params["run"]["action"] == "release":
        return {"changed": False, "node": None, "wanted_version": params["version"], "claim": claim}
    if claim and claim["granted"] and params["run"]["action"] == "take" and not module.check_mode:
        await_rewind(params["data_directory"], REWIND_SECONDS)
    scope = Scope(
        peers=tuple(params["peers"]),
        asker=Asker(**params["ask_as"]) if params["ask_as"] else None,
        measures=params["measure"],
        files=params["files"],
        settings=params["settings"],
    )
    node = observe(commands_of(module), instance_of(params), scope)
    return {
        "changed": False,
        "node": to_plain(node),
        "wanted_version": params["version"],
        "claim": claim,
        **_compared(module, node),
    }


def _compared(module: AnsibleModule, node: Node) -> dict[str, Any]:
    """What of the node is as it is declared, see due."""
    declared, connection = module.params["declared"], module.params["connection"]
    if declared is None and connection is None:
        return {"due": None, "follows": None}
    # a module's code is compiled at each of its runs: a look that compares nothing does without it
    from . import due

    return {
        "due": None if declared is None else due.due_parts(module, declared, node),
        "follows": due.followed_endpoint(module, connection, module.params["peers"]) if connection else None,
    }


def _claim(run: dict[str, Any], *, check_mode: bool) -> dict[str, Any] | None:
    """Claim the node before it is looked at: no other run changes after that what is seen."""
    if not run:
        return None
    claim = Claim(run["file"])
    if run["action"] == "take" and not check_mode:
        neighbours = None if run["neighbours"] is None else tuple(run["neighbours"])
        return claim.take(Claimant(Run.from_plain(run), neighbours, run["take_over"])).to_plain()
    found = claim.look(run["id"]).to_plain()
    if run["action"] in ("release", "look_and_release") and not check_mode:
        claim.release(run["id"])
    return found
