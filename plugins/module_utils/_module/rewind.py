# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module rewind."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.moves import locked
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.slot_files import without
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.deadline import Deadline
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import plain_errors
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.progress import ProgressFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import dialect_for
from ansible_collections.hotstandby.postgresql.plugins.module_utils._rewind.request import (
    RewindDone,
    RewindRequest,
    cannot,
    result_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._rewind.rewind import rewind as rewind_directory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._rewind.source import RewindSource, inspect_source
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.connection_errors import NOT_YET
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint

from .entry import acting, commands_of, instance_of


def rewind(module: AnsibleModule) -> dict[str, Any]:
    """Bring the data directory back onto the history of the source. Raises HotStandbyError."""
    params = module.params
    dialect = dialect_for(params["version"])
    place = Endpoint(params["primary_host"], params["primary_port"], "postgres", params["user"], params["passfile"])
    request = RewindRequest(
        commands_of(module),
        dialect,
        place,
        instance_of(params),
        params["system_identifier"],
        params["restore_command"],
        lambda: acting(module),
        ProgressFile(None if module.check_mode else params["progress"]),
    )
    with plain_errors():
        # a server that still runs in check mode is one that the run would have stopped before
        control = request.check_target(may_run=module.check_mode)
        request.commands.output("pg_rewind", "--version")
        if module.check_mode:
            return _forecast(module, request, control)
        deadline = Deadline(params["timeout"])
        with locked(request.target.place):
            result = rewind_directory(request, deadline)
    result["waited_seconds"] = deadline.elapsed
    return result


def _forecast(module: AnsibleModule, request: RewindRequest, control: Control) -> dict[str, Any]:
    source: RewindSource | None = None
    try:
        source = inspect_source(request.place, request.dialect, control.system_identifier)
    except HotStandbyError as error:
        if error.name not in NOT_YET:
            raise
        module.warn(f"the source was not checked: {error}")
    obstacle = request.obstacle(control, source)
    if obstacle:
        return cannot(request, obstacle, RewindDone([]))
    slots = request.target.slots()
    reason = f"would be rewound to the history of {request.place}{without(slots)}"
    if running_postmaster(request.data_directory):
        reason += ", once the server that runs there is stopped"
    return result_of(request, "rewound", reason, changed=True, done=RewindDone([]), slots_dropped=list(map(str, slots)))
