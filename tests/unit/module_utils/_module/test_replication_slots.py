# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to replication slots."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.replication_slots import (
    FoundSlot,
    SlotPlan,
    plan_slots,
    require_names,
)

P = "hs_"
IDLE = FoundSlot("hs_a", physical=True, active=False)
USED = replace(IDLE, active=True)
LOST = replace(IDLE, lost=True, reserves=False)
EMPTY = replace(IDLE, reserves=False)


@pytest.mark.parametrize(
    ("wanted", "found", "plan"),
    [
        ([], [], SlotPlan()),
        (["hs_a"], [], SlotPlan(create=("hs_a",))),
        (["hs_a"], [IDLE], SlotPlan()),
        (["hs_a"], [USED], SlotPlan()),
        ([], [IDLE], SlotPlan(drop=("hs_a",))),
        ([], [USED], SlotPlan(keep_active=("hs_a",))),
        (["hs_a"], [LOST], SlotPlan(recreate=("hs_a",))),
        (["hs_a"], [replace(LOST, active=True)], SlotPlan(broken_active=("hs_a",))),
        (["hs_a"], [EMPTY], SlotPlan(recreate=("hs_a",))),
        (["hs_a"], [replace(EMPTY, active=True)], SlotPlan()),
        ([], [LOST], SlotPlan(drop=("hs_a",))),
        ([], [replace(IDLE, name="other")], SlotPlan()),
        ([], [replace(IDLE, physical=False)], SlotPlan()),
        ([], [replace(IDLE, temporary=True)], SlotPlan()),
        (["hs_b", "hs_a"], [replace(IDLE, name="hs_c")], SlotPlan(drop=("hs_c",), create=("hs_b", "hs_a"))),
    ],
)
def test_plan(wanted: list[str], found: list[FoundSlot], plan: SlotPlan) -> None:
    assert plan_slots(wanted, P, found, can_reserve=True) == plan


def test_where_nothing_can_be_reserved_an_empty_slot_is_fine() -> None:
    assert plan_slots(["hs_a"], P, [EMPTY], can_reserve=False) == SlotPlan()


NAMES = st.sampled_from(["hs_a", "hs_b", "hs_c", "other", "h"])
SLOTS = st.lists(st.builds(FoundSlot, NAMES, *[st.booleans()] * 5), unique_by=lambda slot: slot.name, max_size=5)


@given(st.lists(NAMES.filter(lambda name: name.startswith(P)), unique=True), SLOTS, st.booleans())
def test_nothing_in_use_and_nothing_of_others_is_touched(
    wanted: list[str], found: list[FoundSlot], can_reserve: bool
) -> None:
    slots = {slot.name: slot for slot in found}
    if any(name in slots and not slots[name].physical for name in wanted):
        with pytest.raises(HotStandbyError, match="taken by a logical slot"):
            plan_slots(wanted, P, found, can_reserve=can_reserve)
        return
    plan = plan_slots(wanted, P, found, can_reserve=can_reserve)
    for name in (*plan.drop, *plan.recreate):
        assert name.startswith(P)
        assert slots[name].physical
        assert not slots[name].active
        assert not slots[name].temporary
    assert not set(plan.drop) & set(wanted)
    assert set(plan.create) == set(wanted) - set(slots)


@pytest.mark.parametrize(
    ("wanted", "prefix"), [([], ""), ([], "Hs_"), (["a"], "b"), (["hs_A"], P), (["hs_" + 61 * "a"], P), ([""], P)]
)
def test_bad_names(wanted: list[str], prefix: str) -> None:
    with pytest.raises(HotStandbyError) as caught:
        require_names(wanted, prefix)
    assert caught.value.name == "bad_slot_name"
