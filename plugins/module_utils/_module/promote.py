# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module promote."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.replaced_wal import forget_replaced
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.armed import Controller, wait_for_stop
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.candidate import (
    REQUESTED,
    Candidate,
    history_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.last_look import against_promotion
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.proof import switch_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import remove_file
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import PROMOTION_MARKER
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import primary_timeline
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import connect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.sightings import Asker, sightings
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import StandbyServer, open_server
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock

from .entry import acting, commands_of, instance_of

ARMED = "primary_has_stopped"


def promote(module: AnsibleModule) -> dict[str, Any]:
    """Make the standby the primary and prove it. Raises HotStandbyError."""
    params = module.params
    clock = SystemClock()
    started = clock.now()
    replay_to = _lsn(params["replay_to"])
    with open_server(instance_of(params), commands_of(module), params["version"]) as server:
        seen = server.look()
        if not seen.in_recovery:
            return _primary_already(server, params, check_mode=module.check_mode)
        before = server.timeline()
        until = started + params["arm_timeout"]
        candidate = Candidate(server, before, replay_to, params["timeout"], end_sessions=params["end_sessions"])
        if params["when"] == ARMED:
            candidate.check_armed(seen)
            candidate.check_replaying(seen)
            if module.check_mode:
                reason = "would wait for the shutdown checkpoint of the primary and then be promoted"
                return _result(True, False, before, reason)
            verdict = wait_for_stop(server, before, replay_to, until, clock, Controller().gone)
            if verdict.shutdown is None:
                waited = {"waited_seconds": round(clock.now() - started, 3)}
                return {**_result(False, False, before, verdict.reason), **waited}
            why = verdict.reason
        else:
            candidate.check_now(seen)
            if module.check_mode:
                return _result(True, False, before, f"would be promoted, it has WAL up to {seen.position}")
            candidate.replay_all()
            why = f"everything received, up to {server.look().position}, is replayed"
        with acting(module):
            _last_look(server, params, before)
            # the last thing before the call: whoever waited for us may have started the old primary again
            if params["when"] == ARMED and clock.now() >= until:
                waited = {"waited_seconds": round(clock.now() - started, 3)}
                return {**_result(False, False, before, "not promoted, the time is up"), **waited}
            called = clock.now()
            history = candidate.promote()
            answered, promoted_at = clock.now(), time.time()
        checkpointed = _checkpoint(server, params["timeout"])
        if not checkpointed:
            why += _forget_replaced(server, history)
        return {
            **_result(True, True, before, f"promoted: {why}"),
            **_left(history),
            **checkpointed,
            "ended_sessions": candidate.ended,
            "primary": True,
            "timeline": history.timeline,
            "promoted_at": promoted_at,
            "promotion_seconds": round(answered - called, 3),
            "waited_seconds": round(clock.now() - started, 3),
        }


def _last_look(server: StandbyServer, params: dict[str, Any], timeline: int) -> None:
    """Ask the endpoints at which another primary may be. Raises HotStandbyError "not_alone"."""
    asked = params["ask"]
    if not asked:
        return
    standbys = asked["standbys"]
    seen = sightings([*asked["endpoints"], *standbys], Asker(asked["user"], asked["passfile"]))
    own = str(server.commands.control_data(server.data_directory)["Database system identifier"])
    against = against_promotion(seen, own, timeline, standbys)
    if against:
        raise HotStandbyError(
            "not_alone",
            f"{against}; this standby was not promoted",
            "See with status.yml what that server is. If it has to go, stop it or switch its host off, and run this"
            " again",
        )


def _primary_already(server: StandbyServer, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    now = primary_timeline(server.session, server.dialect, inserted=True)
    if params["expected_timeline"] is not None and now <= params["expected_timeline"]:
        raise HotStandbyError(
            "not_promoted",
            f"this server accepts writes, but still on timeline {now}: it has left recovery without a promotion",
            "Stop it: it may have come up without standby.signal after a crash. Then run rejoin.yml",
            REQUESTED,
        )
    history = history_of(server, now)
    with suppress(OSError):
        remove_file(os.path.join(server.data_directory, PROMOTION_MARKER))
    recorded = int(server.commands.control_data(server.data_directory)["Latest checkpoint's TimeLineID"])
    reason = f"it is the primary already, on timeline {now}"
    checkpointed: dict[str, Any] = {}
    if recorded < now and not check_mode:
        # a run that was cut off between the promotion and this; a rewind from here would go wrong
        checkpointed = _checkpoint(server, params["timeout"])
        done = "fails" if checkpointed else "is done"
        reason += f"; the checkpoint after its promotion was still missing and {done}"
    if not (check_mode or checkpointed):
        reason += _forget_replaced(server, history)
    result = _result(False, False, None, reason)
    return {**result, **_left(history), **checkpointed, "primary": True, "timeline": now}


def _checkpoint(server: StandbyServer, timeout_seconds: int) -> dict[str, Any]:
    """Put the new timeline into the control file, where pg_rewind looks for it.

    A failure is told and not raised: the server is a primary all the same, and the others have to follow it.
    """
    try:
        with connect(replace(server.session.target, statement_timeout_seconds=timeout_seconds)) as session:
            session.execute("CHECKPOINT")
    except HotStandbyError as error:
        return {"checkpoint_failed": error.message}
    return {}


def _forget_replaced(server: StandbyServer, history: TimelineHistory | None) -> str:
    """Remove what salvaged WAL has replaced, once the checkpoint of the new timeline is done; say so.

    All of it is on the history that was replayed, or was never WAL; nothing may depend on it.
    """
    if history is None:
        return ""
    try:
        count = forget_replaced(server.wal_directory, history.timeline)
    except OSError as error:
        return f"; the WAL files that salvaged ones have replaced are still there: {error.strerror or error}"
    return f"; {count} WAL files that salvaged ones had replaced were removed" if count else ""


def _lsn(text: str | None) -> Lsn | None:
    try:
        return Lsn.from_optional(text)
    except ValueError as error:
        raise HotStandbyError("bad_value", f"replay_to: {error}", "Give an LSN such as 0/3000060") from None


def _left(history: TimelineHistory | None) -> dict[str, Any]:
    switch = switch_of(history)
    return {"timeline_before": switch[0], "switch_point": str(switch[1])} if switch else {}


def _result(changed: bool, promoted: bool, timeline: int | None, reason: str) -> dict[str, Any]:
    return {
        "changed": changed,
        "promoted": promoted,
        "primary": False,
        "timeline_before": timeline,
        "timeline": timeline,
        "switch_point": None,
        "checkpoint_failed": None,
        "ended_sessions": [],
        "reason": reason,
        "promoted_at": None,
        "promotion_seconds": 0.0,
        "waited_seconds": 0.0,
    }
