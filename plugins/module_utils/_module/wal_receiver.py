# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module wal_receiver: a standby that takes no WAL from anybody, so that its position stays."""

from __future__ import annotations

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.recovery_edits import settings_file, shown
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.detach import (
    SETTING,
    Attachment,
    attachment_of,
    detach,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import StandbyServer, open_server

from .entry import commands_of, instance_of


def wal_receiver(module: AnsibleModule) -> dict[str, Any]:
    """Detach the standby from its upstream. Raises HotStandbyError."""
    params = module.params
    with open_server(instance_of(params), commands_of(module), None) as server:
        if not server.look().in_recovery:
            raise HotStandbyError(
                "not_a_standby",
                f"the server at {server.session.target} is not in recovery: it is a primary",
                "Run status.yml to see the cluster as it is",
            )
        path = os.path.join(server.data_directory, settings_file(server.dialect))
        found = attachment_of(server, path)
        waited = 0.0
        if found and not module.check_mode:
            waited = detach(server, path, found, params["timeout"])
        return _result(server, found, waited, check_mode=module.check_mode)


def _result(server: StandbyServer, found: Attachment, waited: float, *, check_mode: bool) -> dict[str, Any]:
    seen = server.look()
    if not found:
        reason = "it was detached already"
    elif check_mode:
        reason = "would be detached from its upstream"
    elif server.dialect.primary_conninfo_reloads:
        reason = f"detached from its upstream, with WAL up to {seen.position}"
    else:
        reason = (
            f"its walreceiver was ended, with WAL up to {seen.position};"
            " below PostgreSQL 13 it may try again, since only a restart takes its upstream away"
        )
    after = found.wanted if found.edit else found.text
    return {
        "changed": bool(found),
        "received": None if seen.received is None else str(seen.received),
        "replayed": None if seen.replayed is None else str(seen.replayed),
        "position": None if seen.position is None else str(seen.position),
        "timeline": server.timeline(),
        "reason": reason,
        "waited_seconds": waited,
        "diff": {"before": shown(found.text, (SETTING,)), "after": shown(after, (SETTING,))},
    }
