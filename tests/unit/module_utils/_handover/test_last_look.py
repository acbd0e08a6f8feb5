# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The last look before a promotion: what it means that other nodes answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._handover.last_look import against_promotion
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.sighting import Sighting
from support.clusters import OURS, THEIRS, lsn

FIRST, THIRD = "192.0.2.1 5432", "192.0.2.3 5432"


def sighting(place: str = THIRD, **changes: Any) -> Sighting:
    base = Sighting(place, in_recovery=True, system_identifier=OURS, timeline=1, position=lsn("0/6000000"), trouble="")
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (sighting(), None),
        (sighting(system_identifier=THEIRS, in_recovery=False), None),
        (sighting(in_recovery=False), "it is a primary"),
        (sighting(timeline=2), "newer than 1"),
        (sighting(in_recovery=None, trouble="the password was rejected"), "the password was rejected"),
        (sighting(system_identifier=None, timeline=None, trouble="no walsender is free"), "no walsender is free"),
    ],
)
def test_the_last_look_believes_only_who_speaks_for_itself(found: Sighting, word: str | None) -> None:
    against = against_promotion([sighting(), found], OURS, 1)
    assert (against is None) if word is None else (word in str(against))


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (sighting(), None),
        (sighting(in_recovery=False, timeline=2), "it is a primary"),
        (sighting(timeline=2), "newer than 1"),
        (sighting(in_recovery=False, system_identifier=None, timeline=None), "it is a primary"),
        (sighting(in_recovery=None, timeline=2, trouble="too many connections"), "newer than 1"),
        (sighting(in_recovery=None, system_identifier=None, timeline=None), None),
        (sighting(in_recovery=None, trouble="too many connections"), None),
        (sighting(system_identifier=None, timeline=None, trouble="no walsender is free"), None),
    ],
)
def test_who_was_just_seen_as_a_standby_counts_only_when_it_says_that_it_is_none(
    found: Sighting, word: str | None
) -> None:
    against = against_promotion([found], OURS, 1, [THIRD])
    assert (against is None) if word is None else (word in str(against))
    assert against_promotion([replace(found, endpoint=FIRST, in_recovery=None)], OURS, 1, [THIRD]) is not None
