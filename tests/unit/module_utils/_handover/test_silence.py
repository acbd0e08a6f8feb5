# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which standbys are silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.silence import (
    Patience,
    answers,
    backups,
    listen,
    silent,
    stuck,
    undecided,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.replication import Sender

CHECKPOINT = Lsn(0x3000100)
PATIENCE = Patience(silence=2.0, consumer=10.0)
OLD = Sender(7, "s1", "192.0.2.1", "streaming", CHECKPOINT - 8, CHECKPOINT - 8, "10:00")


def test_who_has_confirmed_is_not_silent() -> None:
    signs = listen((), [replace(OLD, flushed=CHECKPOINT)], 0.0)
    assert silent(signs, CHECKPOINT, 9.0, PATIENCE) == ()
    assert undecided(signs, CHECKPOINT, 0.0, PATIENCE) == ()
    assert answers(signs, CHECKPOINT, "s1")
    assert not answers(signs, CHECKPOINT, "s2")


def test_silence_takes_its_time() -> None:
    signs = listen((), [OLD], 0.0)
    signs = listen(signs, [OLD], 1.0)
    assert undecided(signs, CHECKPOINT, 1.9, PATIENCE) == (OLD,)
    assert silent(signs, CHECKPOINT, 1.9, PATIENCE) == ()
    assert silent(signs, CHECKPOINT, 2.0, PATIENCE) == (OLD,)
    assert undecided(signs, CHECKPOINT, 2.0, PATIENCE) == ()
    assert not answers(signs, CHECKPOINT, "s1")


@pytest.mark.parametrize(
    "sign", [replace(OLD, written=CHECKPOINT), replace(OLD, flushed=CHECKPOINT - 1), replace(OLD, replied="10:01")]
)
def test_every_sign_of_life_counts(sign: Sender) -> None:
    signs = listen(listen((), [OLD], 0.0), [sign], 1.5)
    assert undecided(signs, CHECKPOINT, 3.0, PATIENCE) == (sign,)
    assert silent(signs, CHECKPOINT, 3.5, PATIENCE) == (sign,)


def test_a_client_that_never_flushes_counts_by_what_it_wrote() -> None:
    for flushed in (None, Lsn(0)):
        assert replace(OLD, written=CHECKPOINT, flushed=flushed).confirmed == CHECKPOINT
    assert replace(OLD, written=None, flushed=None).confirmed == Lsn(0)


def test_an_old_connection_of_the_candidate_may_be_silent() -> None:
    signs = listen((), [OLD, replace(OLD, pid=8, flushed=CHECKPOINT)], 0.0)
    assert answers(signs, CHECKPOINT, "s1")
    assert silent(signs, CHECKPOINT, 2.0, PATIENCE) == (OLD,)


def test_only_those_that_a_stop_waits_for() -> None:
    others = [replace(OLD, state=state) for state in ("backup", "startup", "")]
    assert listen((), others, 0.0) == ()
    assert backups(others) == (others[0],)
    assert str(others[0]) == "s1 (192.0.2.1)"
    assert str(replace(OLD, address=None)) == "s1 (local socket)"


CONSUMER = replace(OLD, pid=20, application_name="cdc", slot="cdc", database="shop")


def answering(pid: int, second: float) -> Sender:
    """The consumer as it says the same again and again."""
    return replace(CONSUMER, pid=pid, replied=str(second))


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_consumer_that_answers_and_never_confirms_is_stuck(comes_back: bool) -> None:
    signs = listen((), [OLD, CONSUMER], 0.0)
    for second in range(1, 11):
        assert stuck(signs, CHECKPOINT, float(second - 1), PATIENCE) == ()
        assert undecided(signs, CHECKPOINT, 9.0, PATIENCE), "while it is not known"
        now = [answering(20 + (second if comes_back else 0), second)]
        signs = listen(signs, [] if comes_back and second == 5 else now, float(second)) or signs
    (found,) = stuck(signs, CHECKPOINT, 10.0, PATIENCE)
    assert (found.sender.slot, found.moved, found.best) == ("cdc", 0.0, CONSUMER.confirmed)
    assert silent(signs, CHECKPOINT, 10.0, PATIENCE) == ()


def test_a_consumer_that_moves_or_has_all_is_not_stuck() -> None:
    signs = listen((), [CONSUMER], 0.0)
    signs = listen(signs, [replace(CONSUMER, flushed=CHECKPOINT - 4)], 9.0)
    assert stuck(signs, CHECKPOINT, 18.9, PATIENCE) == ()
    signs = listen(signs, [replace(CONSUMER, flushed=CHECKPOINT)], 18.9)
    assert stuck(signs, CHECKPOINT, 99.0, PATIENCE) == ()
    assert undecided(signs, CHECKPOINT, 99.0, PATIENCE) == ()


def test_a_consumer_that_says_nothing_is_silent_after_its_own_time() -> None:
    signs = listen((), [CONSUMER], 0.0)
    assert silent(signs, CHECKPOINT, 9.0, PATIENCE) == ()
    assert undecided(signs, CHECKPOINT, 9.0, PATIENCE) == (CONSUMER,)
    assert silent(signs, CHECKPOINT, 10.0, PATIENCE) == (CONSUMER,)
    assert stuck(signs, CHECKPOINT, 10.0, PATIENCE) == ()


def test_a_standby_is_never_stuck() -> None:
    signs = listen(listen((), [OLD], 0.0), [replace(OLD, replied="later")], 10.0)
    assert stuck(signs, CHECKPOINT, 10.0, PATIENCE) == ()


def test_who_has_gone_is_forgotten() -> None:
    assert listen(listen((), [OLD], 0.0), [], 1.0) == ()
