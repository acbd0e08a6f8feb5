# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module promote."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._armed import (
    Controller,
    not_streaming,
    wait_for_stop,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._atomic_file import (
    plain_errors,
    remove_file,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover import (
    Stream,
    shortfall,
    switch_of,
    unproved,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._last_look import against_promotion
from ansible_collections.hotstandby.postgresql.plugins.module_utils._lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module import acting
from ansible_collections.hotstandby.postgresql.plugins.module_utils._node import PROMOTION_MARKER
from ansible_collections.hotstandby.postgresql.plugins.module_utils._observation import read_history
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._replay_hold import (
    end,
    first_to_end,
    holders,
    sessions_of,
    told,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._session import connect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._sightings import Asker, sightings
from ansible_collections.hotstandby.postgresql.plugins.module_utils._standby_server import (
    StandbyServer,
    open_server,
    wake_startup,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock, wait_until
from ansible_collections.hotstandby.postgresql.plugins.module_utils._wal_place import forget_replaced

ARMED = "primary_has_stopped"
# How long the replay of an armed standby may stand still; whoever stops the primary waits longer for the arming.
PATIENCE_SECONDS = 10
# How long it may stand still in an emergency before the session that holds it is ended.
HELD_SECONDS = 2
# What a failure says when the server was told to become a primary, or is one.
REQUESTED = {"promotion_requested": True}


def promote(module: AnsibleModule) -> dict[str, Any]:
    """Make the standby the primary and prove it. Raises HotStandbyError."""
    params = module.params
    clock = SystemClock()
    started = clock.now()
    replay_to = _lsn(params["replay_to"])
    with open_server(module) as server:
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
            answered = clock.now()
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
            "promotion_seconds": round(answered - called, 3),
            "waited_seconds": round(clock.now() - started, 3),
        }


class Candidate:
    """A standby that is to be promoted. before: its timeline."""

    def __init__(
        self, server: StandbyServer, before: int, replay_to: Lsn | None, timeout_seconds: int, *, end_sessions: bool
    ) -> None:
        self._server = server
        self._before = before
        self._replay_to = replay_to
        self._timeout = timeout_seconds
        self._end_sessions = end_sessions
        self.ended: list[str] = []

    def check_now(self, seen: Stream) -> None:
        """Raise HotStandbyError "still_streaming" or "replay_paused" when it must not be promoted."""
        if seen.streaming:
            raise HotStandbyError(
                "still_streaming",
                "this standby still streams from a primary: promoting it would make two of them",
                "Switch over with switchover.yml. If that primary is dead for certain, run failover.yml,"
                " which detaches the standby first",
            )
        if not self._server.paused():
            return
        if not self._server.dialect.promotion_cancels_pause:
            raise _paused("and PostgreSQL below 13 is not promoted while it is")
        missing = self._shortfall()
        if missing:
            raise _paused(f"because of settings lower than the primary's: {', '.join(missing)}")

    def check_armed(self, seen: Stream) -> None:
        """Raise HotStandbyError "not_streaming" or "replay_paused" when waiting is in vain."""
        if not seen.streaming:
            raise not_streaming(seen)
        if self._server.paused():
            raise _paused("so it would not be promoted in time")

    def check_replaying(self, seen: Stream) -> None:
        """Raise HotStandbyError "candidate_not_replaying" when the replay stands still before what was received."""

        def replayed() -> Lsn:
            return self._server.look().replayed or Lsn(0)

        wanted = seen.received or Lsn(0)
        try:
            wait_until(lambda: replayed() >= wanted, PATIENCE_SECONDS, "")
        except HotStandbyError as error:
            now = replayed()
            if error.name != "timed_out":
                raise
            if now > (seen.replayed or Lsn(0)) or self._server.nothing_whole_after(self._before, now):
                return
            raise HotStandbyError(
                "candidate_not_replaying",
                f"the replay of this standby stands still at {now}, {wanted - now:,} bytes before the end of what it"
                f" has received{self._held()}",
                "End what holds it (pg_terminate_backend, recovery_min_apply_delay = 0) and run this again",
            ) from None

    def _held(self) -> str:
        found = holders(sessions_of(self._server.session))
        if found:
            return f"; it can be held by {told(found)}"
        delay = self._server.apply_delay()
        return f"; it is delayed (recovery_min_apply_delay is {delay:,} ms)" if delay else ""

    def replay_all(self) -> None:
        """Wait until all that was received, and what was asked for, is replayed; a pause is ended.

        Raises HotStandbyError "not_replayed", or "still_streaming" for a primary that came back.
        """
        if self._server.paused():
            self._server.session.execute(f"SELECT {self._server.dialect.replay_resume_function}()")
        if self._server.apply_delay() and self._replay_to is None:
            # a promotion ends the delay: the server replays all that it has before it accepts writes
            self.check_now(self._server.look())
            return
        clock = SystemClock()
        last: list[Lsn | None] = [None]
        moved = [clock.now()]

        def replayed() -> bool:
            seen = self._server.look()
            stuck, last[0] = last[0] == seen.replayed, seen.replayed
            if not stuck:
                moved[0] = clock.now()
            elif self._end_sessions and clock.now() - moved[0] >= HELD_SECONDS:
                self._end_holders(seen)
            if self._replay_to is not None and (seen.replayed or Lsn(0)) < self._replay_to:
                return False
            if seen.replayed is None or seen.received is None or seen.replayed >= seen.received:
                return True
            return stuck and self._server.nothing_whole_after(self._before, seen.replayed)

        try:
            wait_until(replayed, self._timeout, "")
        except HotStandbyError as error:
            if error.name != "timed_out":
                raise
            raise self._not_replayed() from None
        self.check_now(self._server.look())

    def _end_holders(self, seen: Stream) -> None:
        if seen.replayed is None or seen.received is None or seen.replayed >= seen.received:
            return
        found = first_to_end(holders(sessions_of(self._server.session)))
        self.ended += [str(one) for one in end(self._server.session, found) if str(one) not in self.ended]

    def promote(self) -> TimelineHistory:
        """Promote it and prove it. Raises HotStandbyError "not_told" before the server was told, "promotion_pending" or
        "not_promoted" after that, which carry the fact promotion_requested."""
        server = self._server

        def promoted() -> bool:
            if not server.look().in_recovery:
                return True
            wake_startup(server.data_directory)
            return False

        marker = os.path.join(server.data_directory, PROMOTION_MARKER)
        try:
            # until it is a primary, other runs and the boot guard of the old primary can tell by this what is under way
            with plain_errors():
                postmaster = running_postmaster(server.data_directory)
                write_private(marker, f"{postmaster.identity if postmaster else ''}\n")
        except HotStandbyError as error:
            raise HotStandbyError(
                "not_told", f"this standby was not promoted: {error.message}", error.hint
            ) from error
        try:
            if server.dialect.has_pg_promote:
                server.session.execute("SELECT pg_catalog.pg_promote(false)")
            else:
                no_wait = ("-W",) if server.dialect.promote_waits else ()
                server.commands.output("pg_ctl", "promote", "-D", server.data_directory, *no_wait)
            wait_until(promoted, self._timeout, "this standby has become a primary")
            now = primary_timeline(server)
        except HotStandbyError as error:
            # whatever went wrong: nothing takes the request back while that server runs
            raise HotStandbyError(
                "promotion_pending",
                f"this standby was told to become a primary and may still become one ({error.message})",
                "See its server's log (a restore_command that hangs?); nobody else may be primary before it is stopped",
                REQUESTED,
            ) from error
        with suppress(OSError):
            remove_file(marker)
        history = _history(server, now)
        against = unproved(self._before, now, history)
        if against or history is None:
            raise HotStandbyError(
                "not_promoted",
                f"this server accepts writes, but {against}",
                "Stop it, and compare its data with the other nodes' before anything else is done",
                REQUESTED,
            )
        return history

    def _shortfall(self) -> tuple[str, ...]:
        dialect, session = self._server.dialect, self._server.session
        if not dialect.shortfall_pauses_replay:
            return ()
        settings = {name: str(session.value(f"SHOW {name}")) for name in dialect.hot_standby_parameters}
        return shortfall(self._server.commands.control_data(self._server.data_directory), settings)

    def _not_replayed(self) -> HotStandbyError:
        seen = self._server.look()
        wanted = max(lsn for lsn in (seen.received, self._replay_to, Lsn(0)) if lsn is not None)
        return HotStandbyError(
            "not_replayed",
            f"after {self._timeout} s this standby has replayed {seen.replayed} and not {wanted}; it was not"
            f" promoted{self._held()}",
            "Bring the missing WAL, end what holds it, or give it more time (postgres_timeout), and run this again",
        )


def _last_look(server: StandbyServer, params: dict[str, Any], timeline: int) -> None:
    """Ask the places at which another primary may be. Raises HotStandbyError "not_alone"."""
    asked = params["ask"]
    if not asked:
        return
    seen = sightings(asked["places"], Asker(asked["user"], asked["passfile"]))
    own = str(server.commands.control_data(server.data_directory)["Database system identifier"])
    against = against_promotion(seen, own, timeline)
    if against:
        raise HotStandbyError(
            "not_alone",
            f"{against}; this standby was not promoted",
            "See with status.yml what that server is. If it has to go, stop it or switch its host off, and run this"
            " again",
        )


def primary_timeline(server: StandbyServer) -> int:
    """The timeline of a server that is not in recovery."""
    dialect = server.dialect
    name = server.session.value(f"SELECT {dialect.walfile_name_function}({dialect.current_wal_insert_lsn_function}())")
    return int(str(name)[:8], 16)


def _primary_already(server: StandbyServer, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    now = primary_timeline(server)
    if params["expected_timeline"] is not None and now <= params["expected_timeline"]:
        raise HotStandbyError(
            "not_promoted",
            f"this server accepts writes, but still on timeline {now}: it has left recovery without a promotion",
            "Stop it: it may have come up without standby.signal after a crash. Then run rejoin.yml",
            REQUESTED,
        )
    history = _history(server, now)
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


def _history(server: StandbyServer, timeline: int) -> TimelineHistory | None:
    try:
        return read_history(server.wal_directory, timeline)
    except (OSError, ValueError) as error:
        raise HotStandbyError(
            "not_promoted",
            f"this server accepts writes on timeline {timeline}, but that timeline's history cannot be read: {error}",
            "Stop it, and compare its data with the other nodes' before anything else is done",
            REQUESTED,
        ) from error


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


def _paused(why: str) -> HotStandbyError:
    return HotStandbyError(
        "replay_paused",
        f"the replay of this standby is paused, {why}",
        "Correct that, resume the replay (pg_wal_replay_resume(), below 10 pg_xlog_replay_resume()) and run this again",
    )


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
        "promotion_seconds": 0.0,
        "waited_seconds": 0.0,
    }
