# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A standby that is promoted: what has to be so before, and the proof after."""

from __future__ import annotations

import os
from contextlib import suppress

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError, listed
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import (
    plain_errors,
    remove_file,
    write_private,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.wal_reader import read_history
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import PROMOTION_MARKER
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.timeline import TimelineHistory
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replay_hold import (
    end,
    first_to_end,
    holders,
    sessions_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import primary_timeline
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.server_processes import wake_startup
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import StandbyServer
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.stream import Stream
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock, wait_for, wait_until

from .armed import not_streaming
from .proof import shortfall, unproved

# How long the replay of an armed standby may stand still; whoever stops the primary waits longer for the arming.
PATIENCE_SECONDS = 10
# How long it may stand still in an emergency before the session that holds it is ended.
HELD_SECONDS = 2
# What a failure says when the server was told to become a primary, or is one.
REQUESTED = {"promotion_requested": True}


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
        if wait_for(lambda: replayed() >= wanted, PATIENCE_SECONDS) is not None:
            return
        now = replayed()
        if now > (seen.replayed or Lsn(0)) or self._server.nothing_whole_after(self._before, now):
            return
        raise HotStandbyError(
            "candidate_not_replaying",
            f"the replay of this standby stands still at {now}, {wanted - now:,} bytes before the end of what it"
            f" has received{self._held()}",
            "End what holds it (pg_terminate_backend, recovery_min_apply_delay = 0) and run this again",
        )

    def _held(self) -> str:
        found = holders(sessions_of(self._server.session))
        if found:
            return f"; it can be held by {listed(found)}"
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

        if wait_for(replayed, self._timeout) is None:
            raise self._not_replayed()
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
            now = primary_timeline(server.session, server.dialect, inserted=True)
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
        history = history_of(server, now)
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


def history_of(server: StandbyServer, timeline: int) -> TimelineHistory | None:
    """The history of a primary's timeline. Raises HotStandbyError "not_promoted" when it cannot be read."""
    try:
        return read_history(server.wal_directory, timeline)
    except (OSError, ValueError) as error:
        raise HotStandbyError(
            "not_promoted",
            f"this server accepts writes on timeline {timeline}, but that timeline's history cannot be read: {error}",
            "Stop it, and compare its data with the other nodes' before anything else is done",
            REQUESTED,
        ) from error


def _paused(why: str) -> HotStandbyError:
    return HotStandbyError(
        "replay_paused",
        f"the replay of this standby is paused, {why}",
        "Correct that, resume the replay (pg_wal_replay_resume(), below 10 pg_xlog_replay_resume()) and run this again",
    )
