# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module prepare_shutdown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.primary import Primary, check_stoppable
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.silence import Patience, answers
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import dialect_of, session_with
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import connect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock

from .entry import instance_of


def prepare_shutdown(module: AnsibleModule) -> dict[str, Any]:
    """Make a clean stop of this primary a quick one. Raises HotStandbyError."""
    params = module.params
    clock = SystemClock()
    started = clock.now()
    with session_with(instance_of(params)) as first:
        dialect = dialect_of(first)
        running = check_stoppable(first, dialect, params["keep"], refuse_backup=params["refuse_backup"])
        if module.check_mode:
            return _result([], running, None, "would write a checkpoint, and end the walsenders of silent standbys")
        target = replace(first.target, statement_timeout_seconds=params["timeout"])
    with connect(target) as session:
        primary = Primary(session, dialect, clock)
        checkpoint = primary.checkpoint(params["timeout"])
        left = max(params["timeout"] - (clock.now() - started), 1)
        patience = Patience(params["silence"], params["consumer_patience"])
        signs, quiet = primary.find_silent(checkpoint, patience, left)
        if params["keep"] and not answers(signs, checkpoint, params["keep"]):
            raise HotStandbyError(
                "candidate_silent",
                f"{params['keep']} has not confirmed the checkpoint at {checkpoint} within {params['silence']:g} s;"
                " no walsender was ended",
                "Choose another standby, or see the log of that one and its network",
            )
        if params["keep"]:
            primary.await_replay(params["keep"], checkpoint, params["replay_patience"])
        primary.end(quiet, left)
        primary.refuse_returned([sender.slot for sender in quiet if sender.slot], checkpoint)
    ended = [str(sender) for sender in quiet]
    told = f"silent for {params['silence']:g} s and ended: {', '.join(ended)}" if ended else "every standby answers"
    return {
        **_result(ended, running, checkpoint, f"checkpoint written up to {checkpoint}; {told}"),
        "waited_seconds": round(clock.now() - started, 3),
    }


def _result(ended: list[str], running: list[str], checkpoint: Lsn | None, reason: str) -> dict[str, Any]:
    return {
        "changed": bool(ended),
        "ended": ended,
        "backups": running,
        "checkpoint_lsn": str(checkpoint) if checkpoint else None,
        "reason": reason,
        "waited_seconds": 0.0,
    }
