# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which walsenders a clean stop would wait for in vain. Pure.

A fast stop waits until each of them has confirmed all WAL. One whose standby has gone silent holds it up until
wal_sender_timeout. What was sent is no sign of life: the kernel takes it for a host that is gone. The consumer of a
logical slot that answers and confirms nothing holds it up for ever; to end its walsender is of no use, since it comes
back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import Sender

BACKUP = "backup"
# A stop waits for these; one that has only just connected, or that waits for commands, is simply ended by it.
SENDING = ("streaming", "catchup", "stopping")


@dataclass(frozen=True)
class Sign:
    """What was last heard of a sender, and when (seconds by any clock) that was new.

    best: the furthest that it has confirmed; moved: when that was new.
    """

    sender: Sender
    since: float
    best: Lsn
    moved: float


def listen(signs: Iterable[Sign], senders: Iterable[Sender], now: float) -> tuple[Sign, ...]:
    """The signs after another look; a sender that has gone is forgotten."""
    known = {sign.sender.who: sign for sign in signs}
    heard = []
    for sender in senders:
        if sender.state not in SENDING:
            continue
        heard.append(_sign(known.get(sender.who), sender, now))
    return tuple(heard)


def _sign(before: Sign | None, sender: Sender, now: float) -> Sign:
    if before is None:
        return Sign(sender, now, sender.confirmed, now)
    quiet = before.sender.signs_of_life == sender.signs_of_life
    moves = sender.confirmed > before.best
    return Sign(
        sender, before.since if quiet else now, max(sender.confirmed, before.best), now if moves else before.moved
    )


@dataclass(frozen=True)
class Patience:
    """Seconds. silence: without a sign of life, of a standby. consumer: without a confirmation, of a consumer.

    A consumer that is well may say something every ten seconds only.
    """

    silence: float
    consumer: float

    def of(self, sender: Sender) -> float:
        return self.consumer if sender.slot else self.silence


def silent(signs: Iterable[Sign], checkpoint: Lsn, now: float, patience: Patience) -> tuple[Sender, ...]:
    """Those that have given no sign of life for so long, and not yet confirmed the checkpoint."""
    return tuple(
        sign.sender for sign in signs if _behind(sign, checkpoint) and now - sign.since >= patience.of(sign.sender)
    )


def stuck(signs: Iterable[Sign], checkpoint: Lsn, now: float, patience: Patience) -> tuple[Sign, ...]:
    """Consumers that live, and have confirmed nothing for so long."""
    return tuple(
        sign
        for sign in signs
        if sign.sender.slot and _behind(sign, checkpoint) and now - sign.since < patience.consumer <= now - sign.moved
    )


def undecided(signs: Iterable[Sign], checkpoint: Lsn, now: float, patience: Patience) -> tuple[Sender, ...]:
    """Those of which it is not yet known whether they are silent."""
    return tuple(
        sign.sender for sign in signs if _behind(sign, checkpoint) and now - sign.since < patience.of(sign.sender)
    )


def answers(signs: Iterable[Sign], checkpoint: Lsn, name: str) -> bool:
    """Whether a standby of that name has confirmed the checkpoint.

    An older walsender of the same standby, whose connection broke, may be silent all the same.
    """
    return any(sign.sender.application_name == name and not _behind(sign, checkpoint) for sign in signs)


def replayed_by(senders: Iterable[Sender], name: str) -> Lsn:
    """How far the standby of that name has replayed; the furthest, when an older walsender of it is still there."""
    return max((sender.replayed or Lsn(0) for sender in senders if sender.application_name == name), default=Lsn(0))


def backups(senders: Sequence[Sender]) -> tuple[Sender, ...]:
    """Base backups that run."""
    return tuple(sender for sender in senders if sender.state == BACKUP)


def _behind(sign: Sign, checkpoint: Lsn) -> bool:
    return sign.sender.confirmed < checkpoint
