# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module replication_wait: waiting for a standby, and for another server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.armed import ARMED_SESSION
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import dialect_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import (
    is_streaming,
    standby_position,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import (
    Session,
    connect,
    connect_replication,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for, wait_until


def replication_wait(module: AnsibleModule) -> dict[str, Any]:
    """Wait for what the action names. Raises HotStandbyError."""
    params = module.params
    if module.check_mode:
        return {"changed": False, "reason": "check mode: nothing is waited for"}
    if params["action"] == "connects":
        return try_connection(params)
    if params["action"] == "promoted":
        return wait_for_promotion(params)
    place = Endpoint(params["socket_directory"], params["port"], params["login_database"], params["login_user"])
    with connect(place) as session:
        if params["action"] == "armed":
            return wait_for_arming(session, params["timeout"])
        if params["action"] == "streaming":
            return wait_for_streaming(session, params["timeout"])
        return wait_for_lsn(session, Lsn.parse(params["lsn"]), params["timeout"])


def try_connection(params: Mapping[str, Any]) -> dict[str, Any]:
    """Open a replication connection to another server. Raises HotStandbyError with the server's own words."""
    found = _identify(params)
    reason = f"{params['host']} port {params['host_port']} lets {params['user']} in for replication"
    return {"changed": False, "timeline": int(found["timeline"]), "waited_seconds": 0.0, "reason": reason}


def wait_for_promotion(params: Mapping[str, Any]) -> dict[str, Any]:
    """Watch another server until it is on a newer timeline, or the time is up. A silent one is waited for to the end:
    what cannot be seen may still be going on. answered: whether it ever answered meanwhile."""

    answered = [False]

    def promoted() -> bool:
        try:
            found = _identify(params)
        except HotStandbyError:
            return False
        answered[0] = True
        return int(found["timeline"]) > int(params["timeline"])

    place = f"{params['host']} port {params['host_port']}"
    waited = wait_for(promoted, params["timeout"])
    if waited is None:
        told = f"{place} was not seen on a newer timeline than {params['timeline']}"
        outcome, waited = {"promoted": False, "answered": answered[0]}, float(params["timeout"])
    else:
        outcome, told = {"promoted": True, "answered": True}, f"{place} was promoted"
    return {"changed": False, "waited_seconds": waited, "reason": told, **outcome}


def wait_for_lsn(session: Session, lsn: Lsn, timeout_seconds: int) -> dict[str, Any]:
    """Wait until this standby has received or replayed up to an LSN. Raises HotStandbyError "timed_out"."""
    dialect = dialect_of(session)

    def position() -> Lsn:
        return standby_position(session, dialect)[0] or Lsn(0)

    waited = wait_until(
        lambda: position() >= lsn, timeout_seconds, f"this standby has received {lsn}", "See its server's log"
    )
    return {"changed": False, "lsn": str(position()), "waited_seconds": waited, "reason": f"has received {lsn}"}


def wait_for_arming(session: Session, timeout_seconds: int) -> dict[str, Any]:
    """Wait until module promote is armed on this standby. Raises HotStandbyError "timed_out"."""
    question = "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE application_name = %s"
    waited = wait_until(
        lambda: bool(session.value(question, (ARMED_SESSION,))),
        timeout_seconds,
        "the candidate is armed",
        "Look at what module promote said there",
    )
    return {"changed": False, "waited_seconds": waited, "reason": "it waits for its primary to stop"}


def wait_for_streaming(session: Session, timeout_seconds: int) -> dict[str, Any]:
    """Wait until this standby streams. Raises HotStandbyError "timed_out"."""
    dialect = dialect_of(session)
    waited = wait_until(
        lambda: is_streaming(session, dialect), timeout_seconds, "this standby streams", "See its server's log"
    )
    return {"changed": False, "waited_seconds": waited, "reason": "it streams"}


def _identify(params: Mapping[str, Any]) -> dict[str, Any]:
    target = Endpoint(
        params["host"],
        params["host_port"],
        "replication",
        params["user"],
        params["passfile"],
        connect_timeout_seconds=5,
    )
    with connect_replication(target) as session:
        return session.row("IDENTIFY_SYSTEM")
