# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running primary that is about to be stopped: its checkpoint, and the walsenders that would hold the stop up."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import (
    Sender,
    is_in_recovery,
    senders_of,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, SqlError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import SystemClock, wait_for, wait_until

from .silence import Patience, Sign, backups, listen, replayed_by, silent, stuck, undecided

QUERY_CANCELED = "57014"
# pg_recvlogical and the apply workers of subscriptions try again after five.
RETURN_SECONDS = 10


class Primary:
    """A running primary."""

    def __init__(self, session: Session, dialect: Dialect, clock: SystemClock) -> None:
        self._session = session
        self._dialect = dialect
        self._clock = clock

    def checkpoint(self, timeout_seconds: int) -> Lsn:
        """Write one; return the end of the WAL after it. Raises HotStandbyError "checkpoint_too_slow"."""
        try:
            self._session.execute("CHECKPOINT")
        except SqlError as error:
            if error.sqlstate != QUERY_CANCELED:
                raise
            raise HotStandbyError(
                "checkpoint_too_slow",
                f"the checkpoint was not done after {timeout_seconds} s",
                "Run this again when the disks have less to do",
            ) from error
        return Lsn.parse(str(self._session.value(f"SELECT {self._dialect.current_wal_flush_lsn_function}()::text")))

    def find_silent(
        self, checkpoint: Lsn, patience: Patience, timeout_seconds: float
    ) -> tuple[tuple[Sign, ...], tuple[Sender, ...]]:
        """Listen until of each standby it is known whether it answers; return what was heard, and the silent ones.

        Raises HotStandbyError "standby_behind" for one that lives and does not catch up, "consumer_not_confirming" for
        a consumer of a logical slot that lives and does not move.
        """
        signs: tuple[Sign, ...] = ()

        def decided() -> bool:
            nonlocal signs
            now = self._clock.now()
            signs = listen(signs, senders_of(self._session, self._dialect), now)
            for sign in stuck(signs, checkpoint, now, patience):
                raise _not_confirming(sign, checkpoint, now)
            return not undecided(signs, checkpoint, now, patience)

        longest = max(patience.silence, patience.consumer)
        if wait_for(decided, max(timeout_seconds, longest + 1)) is None:
            late = undecided(signs, checkpoint, self._clock.now(), patience)
            raise HotStandbyError(
                "standby_behind",
                f"{', '.join(map(str, late))} still catches up: a stop would wait for it; no walsender was ended",
                "Wait until it has caught up, or stop that standby, and run this again",
            )
        return signs, silent(signs, checkpoint, self._clock.now(), patience)

    def await_replay(self, keep: str, checkpoint: Lsn, patience_seconds: float) -> None:
        """Wait until the candidate has replayed the checkpoint, or moves on towards it.

        Raises HotStandbyError "candidate_not_replaying" for one that stands still for so long.
        """

        def replayed() -> Lsn:
            return replayed_by(senders_of(self._session, self._dialect), keep)

        last, since = replayed(), self._clock.now()

        def settled() -> bool:
            return replayed() >= checkpoint

        if wait_for(settled, patience_seconds, self._clock) is not None:
            return
        now = replayed()
        if now > last:
            return
        raise HotStandbyError(
            "candidate_not_replaying",
            f"{keep} has replayed up to {now} and nothing more for {self._clock.now() - since:.0f} s,"
            f" {checkpoint - now:,} bytes behind the checkpoint at {checkpoint}; no walsender was ended",
            f"See what holds its replay on {keep} (a session with an old snapshot or a lock in pg_stat_activity, a"
            " pause, recovery_min_apply_delay), or choose another standby",
        )

    def end(self, senders: Sequence[Sender], timeout_seconds: float) -> None:
        """End these walsenders and wait until they have gone."""
        pids = [sender.pid for sender in senders]
        if not pids:
            return
        # Only while it is that one: a pid may be somebody else's by now. And again and again: a walsender whose
        # connection takes nothing more tries to send the reason for its end first, until it is told once more.
        terminate = (
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_replication WHERE pid = ANY(%s)"
        )
        wait_until(
            lambda: not self._session.rows(terminate, (pids,)),
            timeout_seconds,
            f"the walsenders of {', '.join(map(str, senders))} have ended",
            "See the server's log",
        )

    def refuse_returned(self, slots: Sequence[str], checkpoint: Lsn) -> None:
        """See whether the consumers of these slots, which were ended, come back and confirm nothing.

        One that says little, or whose server does not tell when it was heard (before 12), was taken for silent. Raises
        HotStandbyError "consumer_not_confirming".
        """
        if not slots:
            return
        self._clock.pause(RETURN_SECONDS)
        for sender in senders_of(self._session, self._dialect):
            if sender.slot in slots and sender.confirmed < checkpoint:
                raise HotStandbyError(
                    "consumer_not_confirming",
                    f"the consumer of the logical slot {sender.slot} in database {sender.database}, {sender}, confirmed"
                    " nothing; its walsender was ended, and it has come back: a stop would wait for it",
                    "Put that consumer right so that it confirms, or stop it (a slot that nobody uses holds no stop"
                    " up), and run this again",
                )


def _not_confirming(sign: Sign, checkpoint: Lsn, now: float) -> HotStandbyError:
    sender = sign.sender
    reached = f"has confirmed up to {sign.best} and nothing more" if sign.best.value else "has confirmed nothing"
    return HotStandbyError(
        "consumer_not_confirming",
        f"the consumer of the logical slot {sender.slot} in database {sender.database}, {sender}, process {sender.pid},"
        f" answers and {reached} for {now - sign.moved:.0f} s, {checkpoint - sign.best:,} bytes behind the checkpoint"
        f" at {checkpoint}: a stop would wait for it; no walsender was ended",
        "Put that consumer right so that it confirms, or stop it (a slot that nobody uses holds no stop up), and run"
        " this again",
    )


def check_stoppable(session: Session, dialect: Dialect, keep: str | None, *, refuse_backup: bool) -> list[str]:
    """Return the base backups that run. Raises HotStandbyError for what must not be stopped."""
    if is_in_recovery(session):
        raise HotStandbyError(
            "not_a_primary",
            f"the server at {session.target} is a standby: no standby but its own would wait for it",
            "Run this on the primary; status.yml shows which node that is",
        )
    senders = senders_of(session, dialect)
    running = [str(sender) for sender in backups(senders)]
    if running and refuse_backup:
        raise HotStandbyError(
            "backup_running",
            f"a base backup of this server is being taken by {', '.join(running)}: a stop would end it",
            "Wait until it is done, or end it, and run this again",
        )
    if keep and not any(sender.application_name == keep for sender in senders):
        raise HotStandbyError(
            "candidate_not_attached",
            f"{keep} is not attached to this server",
            "See the log of that standby, or choose another one",
        )
    return running
