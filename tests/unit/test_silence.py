# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which standbys are silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._silence import (
    Sender,
    answers,
    backups,
    listen,
    silent,
    undecided,
)

CHECKPOINT = Lsn(0x3000100)
SILENCE = 2.0
OLD = Sender(7, "s1", "192.0.2.1", "streaming", CHECKPOINT - 8, CHECKPOINT - 8, "10:00")


def test_who_has_confirmed_is_not_silent() -> None:
    signs = listen((), [replace(OLD, flushed=CHECKPOINT)], 0.0)
    assert silent(signs, CHECKPOINT, 9.0, SILENCE) == ()
    assert undecided(signs, CHECKPOINT, 0.0, SILENCE) == ()
    assert answers(signs, CHECKPOINT, "s1")
    assert not answers(signs, CHECKPOINT, "s2")


def test_silence_takes_its_time() -> None:
    signs = listen((), [OLD], 0.0)
    signs = listen(signs, [OLD], 1.0)
    assert undecided(signs, CHECKPOINT, 1.9, SILENCE) == (OLD,)
    assert silent(signs, CHECKPOINT, 1.9, SILENCE) == ()
    assert silent(signs, CHECKPOINT, 2.0, SILENCE) == (OLD,)
    assert undecided(signs, CHECKPOINT, 2.0, SILENCE) == ()
    assert not answers(signs, CHECKPOINT, "s1")


@pytest.mark.parametrize(
    "sign", [replace(OLD, written=CHECKPOINT), replace(OLD, flushed=CHECKPOINT - 1), replace(OLD, replied="10:01")]
)
def test_every_sign_of_life_counts(sign: Sender) -> None:
    signs = listen(listen((), [OLD], 0.0), [sign], 1.5)
    assert undecided(signs, CHECKPOINT, 3.0, SILENCE) == (sign,)
    assert silent(signs, CHECKPOINT, 3.5, SILENCE) == (sign,)


def test_a_client_that_never_flushes_counts_by_what_it_wrote() -> None:
    for flushed in (None, Lsn(0)):
        assert replace(OLD, written=CHECKPOINT, flushed=flushed).confirmed == CHECKPOINT
    assert replace(OLD, written=None, flushed=None).confirmed == Lsn(0)


def test_an_old_connection_of_the_candidate_may_be_silent() -> None:
    signs = listen((), [OLD, replace(OLD, pid=8, flushed=CHECKPOINT)], 0.0)
    assert answers(signs, CHECKPOINT, "s1")
    assert silent(signs, CHECKPOINT, 2.0, SILENCE) == (OLD,)


def test_only_those_that_a_stop_waits_for() -> None:
    others = [replace(OLD, state=state) for state in ("backup", "startup", "")]
    assert listen((), others, 0.0) == ()
    assert backups(others) == (others[0],)
    assert str(others[0]) == "s1 (192.0.2.1)"
    assert str(replace(OLD, address=None)) == "s1 (local socket)"


def test_who_has_gone_is_forgotten() -> None:
    assert listen(listen((), [OLD], 0.0), [], 1.0) == ()
