# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module replication_probe: one row, written here and read there."""

from __future__ import annotations

import uuid
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.endpoint import Endpoint
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import dialect_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.probe_table import (
    READ,
    UPSERT,
    make_table,
    require_own,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import is_in_recovery
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, SqlError, connect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_until

READ_ONLY_TRANSACTION = "25006"


def replication_probe(module: AnsibleModule) -> dict[str, Any]:
    """Write or read the row. Raises HotStandbyError."""
    params = module.params
    if module.check_mode:
        return {"changed": False, "reason": "check mode: the row would be written and read"}
    place = Endpoint(params["socket_directory"], params["port"], params["login_database"], params["login_user"])
    with connect(place) as session:
        if params["action"] == "write":
            return _write(session)
        return _read(session, params["token"], Lsn.parse(params["lsn"]), params["timeout"])


def _write(session: Session) -> dict[str, Any]:
    make_table(session)
    token = uuid.uuid4().hex
    session.execute(UPSERT, (token,))
    dialect = dialect_of(session)
    lsn = session.value(f"SELECT {dialect.current_wal_lsn_function}()::text")
    return {"changed": False, "token": token, "lsn": lsn, "reason": f"row written, visible from {lsn} on"}


def _read(session: Session, token: str, lsn: Lsn, timeout_seconds: int) -> dict[str, Any]:
    dialect = dialect_of(session)
    if not is_in_recovery(session):
        raise HotStandbyError(
            "not_a_standby",
            "this server is not in recovery: it is a primary, not a standby",
            "Run status.yml to see the cluster as it is",
        )

    def replayed() -> Lsn:
        return Lsn.from_optional(session.value(f"SELECT {dialect.last_replay_lsn_function}()::text")) or Lsn(0)

    waited = wait_until(
        lambda: replayed() >= lsn,
        timeout_seconds,
        f"this standby has replayed {lsn}",
        "See its server's log and run status.yml",
    )
    require_own(session)
    found = session.value(READ)
    if found != token:
        raise HotStandbyError(
            "row_differs",
            f"this standby replayed {lsn}, but the row that was written on the primary is not there",
            "It follows another primary or is damaged: run status.yml, and clone it anew if it is damaged",
        )
    _prove_read_only(session)
    return {
        "changed": False,
        "token": token,
        "lsn": str(replayed()),
        "waited_seconds": waited,
        "reason": f"the row was read {waited:g} s after asking, and a write was refused",
    }


def _prove_read_only(session: Session) -> None:
    try:
        session.execute(UPSERT, ("a standby must refuse this",))
    except SqlError as error:
        if error.sqlstate == READ_ONLY_TRANSACTION:
            return
        raise
    raise HotStandbyError(
        "standby_writable", "this standby accepted a write", "Stop it at once: two servers accept writes"
    )
