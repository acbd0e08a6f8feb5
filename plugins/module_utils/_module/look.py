# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look with which a module answers that has changed a node: the caller needs no round of its own for it."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.claim import Claim
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import to_plain
from ansible_collections.hotstandby.postgresql.plugins.module_utils._observe.observation import Scope, observe
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.sightings import Asker

from .entry import commands_of, instance_of

ASK_AS_ARGUMENT: dict[str, dict[str, Any]] = {
    "ask_as": {
        "type": "dict",
        "options": {"user": {"type": "str", "required": True}, "passfile": {"type": "path", "required": True}},
    }
}

# documented in the doc fragment hotstandby.postgresql.look
LOOK_ARGUMENT: dict[str, dict[str, Any]] = {
    "look": {
        "type": "dict",
        "options": {
            "version": {"type": "str"},
            "peers": {"type": "list", "elements": "str", "default": []},
            **ASK_AS_ARGUMENT,
        },
    }
}


def look_again(module: AnsibleModule) -> dict[str, Any]:
    """The node as it is, in the words of module node_info, where a look is asked for. Raises HotStandbyError."""
    look, run = module.params["look"], module.params["run"]
    if not look or module.check_mode:
        return {}
    scope = Scope(
        peers=tuple(look["peers"]),
        asker=Asker(**look["ask_as"]) if look["ask_as"] else None,
        measures=False,
        files=False,
        settings={},
    )
    return {
        "node": to_plain(observe(commands_of(module), instance_of(module.params), scope)),
        "wanted_version": look["version"],
        "claim": Claim(run["file"]).look(run["id"]).to_plain() if run else None,
    }
