# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module node_info."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import to_plain
from ansible_collections.hotstandby.postgresql.plugins.module_utils._observation import Place, observe
from ansible_collections.hotstandby.postgresql.plugins.module_utils._session import Target


def node_info(module: AnsibleModule) -> dict[str, Any]:
    """Observe the instance that the parameters name. Raises HotStandbyError."""
    params = module.params
    place = Place(
        data_directory=params["data_directory"],
        config_directory=params["config_directory"] or params["data_directory"],
        port=params["port"],
        target=Target(
            host=params["socket_directory"],
            port=params["port"],
            database=params["login_database"],
            user=params["login_user"],
            connect_timeout_seconds=5,
        ),
        peers=tuple(params["peers"]),
    )
    node = observe(Commands(module.run_command, params["bin_directory"]), place)
    return {"changed": False, "node": to_plain(node), "wanted_version": params["version"]}
