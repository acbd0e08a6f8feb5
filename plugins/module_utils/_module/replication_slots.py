# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module replication_slots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.slot_name import is_slot_name
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.live_server import (
    dialect_of,
    session_or_none,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.session import Session, SqlError

from .entry import RUN_ARGUMENT, instance_arguments, instance_of

ARGUMENTS: dict[str, Any] = {
    **RUN_ARGUMENT,
    **instance_arguments(),
    "slots": {"type": "list", "elements": "str", "required": True},
    "prefix": {"type": "str", "default": "hotstandby_"},
}

LOST = "lost"
OBJECT_IN_USE = "55006"
DUPLICATE_OBJECT = "42710"
UNDEFINED_OBJECT = "42704"
TOO_MANY = "53400"  # configuration_limit_exceeded
NOT_POSSIBLE = "55000"  # object_not_in_prerequisite_state: wal_level, or no slots at all


@dataclass(frozen=True)
class FoundSlot:
    """A slot as it is. reserves: whether it keeps any WAL."""

    name: str
    physical: bool
    active: bool
    temporary: bool = False
    reserves: bool = True
    lost: bool = False


@dataclass(frozen=True)
class SlotPlan:
    """What to do, in this order: dropping first makes room."""

    drop: tuple[str, ...] = ()
    recreate: tuple[str, ...] = ()
    create: tuple[str, ...] = ()
    keep_active: tuple[str, ...] = ()
    broken_active: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.drop or self.recreate or self.create)


def plan_slots(wanted: Iterable[str], prefix: str, found: Iterable[FoundSlot], *, can_reserve: bool) -> SlotPlan:
    """Decide what becomes of the slots whose name begins with the prefix; no other is looked at. Pure.

    Logical and temporary slots are never ours. A wanted slot that keeps no WAL, or has lost what it kept, is
    made anew while nobody uses it: a standby that relied on it would find a hole.
    Raises HotStandbyError "slot_is_logical" when a wanted name is taken.
    """
    names = tuple(dict.fromkeys(wanted))
    slots = {slot.name: slot for slot in found if slot.name.startswith(prefix)}
    for name in names:
        if name in slots and not slots[name].physical:
            raise HotStandbyError(
                "slot_is_logical",
                f"the name of the slot {name} is taken by a logical slot",
                "Drop that one, or choose another postgres_slot_prefix",
            )
    ours = [slot for slot in slots.values() if slot.physical and not slot.temporary]
    broken = [slot for slot in ours if slot.name in names and (slot.lost or (can_reserve and not slot.reserves))]
    unwanted = [slot for slot in ours if slot.name not in names]
    return SlotPlan(
        drop=tuple(slot.name for slot in unwanted if not slot.active),
        recreate=tuple(slot.name for slot in broken if not slot.active),
        create=tuple(name for name in names if name not in slots),
        keep_active=tuple(slot.name for slot in unwanted if slot.active),
        broken_active=tuple(slot.name for slot in broken if slot.active and slot.lost),
    )


@dataclass
class SlotsDone:
    """What really happened."""

    created: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    recreated: list[str] = field(default_factory=list)
    kept_active: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Slots:
    """The slots of one server."""

    def __init__(self, session: Session, wanted_count: int) -> None:
        self._session = session
        self._dialect = dialect_of(session)
        self._wanted_count = wanted_count

    @property
    def can_reserve(self) -> bool:
        return self._dialect.has_immediately_reserve

    def found(self) -> list[FoundSlot]:
        """Every slot of the server."""
        temporary = "temporary" if self._dialect.has_temporary_slots else "false"
        status = "wal_status" if self._dialect.has_slot_wal_status else "NULL::text"
        rows = self._session.rows(
            "SELECT slot_name::text AS name, slot_type = 'physical' AS physical, active,"
            f" {temporary} AS temporary, restart_lsn IS NOT NULL AS reserves,"
            f" coalesce({status} = '{LOST}', false) AS lost"
            " FROM pg_catalog.pg_replication_slots ORDER BY slot_name"
        )
        return [FoundSlot(**row) for row in rows]

    def limit(self) -> int:
        """How many slots the server has room for."""
        return int(self._session.value("SELECT pg_catalog.current_setting('max_replication_slots')"))

    def drop(self, name: str) -> bool:
        """Whether it is gone now; False when somebody uses it. Raises HotStandbyError."""
        try:
            self._session.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (name,))
        except SqlError as error:
            if error.sqlstate == OBJECT_IN_USE:
                return False
            if error.sqlstate != UNDEFINED_OBJECT:
                raise
        return True

    def create(self, name: str) -> bool:
        """Whether it was made; False when it was there already. Raises HotStandbyError."""
        arguments = "%s, true" if self.can_reserve else "%s"
        try:
            self._session.execute(f"SELECT pg_catalog.pg_create_physical_replication_slot({arguments})", (name,))
        except SqlError as error:
            if error.sqlstate == DUPLICATE_OBJECT:
                return False
            if error.sqlstate in (TOO_MANY, NOT_POSSIBLE):
                raise HotStandbyError(
                    "too_few_slots",
                    f"the slot {name} cannot be created: {error.message}",
                    f"Set wal_level to replica and max_replication_slots to {self._enough()} or more on that"
                    " server and restart it, or drop slots that nobody needs",
                ) from None
            raise
        return True

    def _enough(self) -> int:
        try:
            others = len(self.found())
        except HotStandbyError:
            others = 0
        return max(10, others + self._wanted_count)


def replication_slots(module: AnsibleModule) -> dict[str, Any]:
    """Bring the owned slots into the wanted state. Raises HotStandbyError."""
    params = module.params
    wanted, prefix = params["slots"], params["prefix"]
    require_names(wanted, prefix)
    session = session_or_none(instance_of(params), check_mode=module.check_mode)
    if session is None:
        return _result(SlotsDone(created=list(wanted)), [], check_mode=True)
    with session:
        slots = Slots(session, len(wanted))
        found = slots.found()
        plan = plan_slots(wanted, prefix, found, can_reserve=slots.can_reserve)
        done = _forecast(plan, slots, len(found)) if module.check_mode else _carry_out(plan, slots)
    done.kept_active.extend(plan.keep_active)
    done.warnings.extend(f"the slot {name} is not wanted, but in use: kept" for name in done.kept_active)
    done.warnings.extend(
        f"the slot {name} has lost WAL and is in use: what streams from it has to be cloned anew"
        for name in plan.broken_active
    )
    for warning in done.warnings:
        module.warn(warning)
    before = sorted(slot.name for slot in found if slot.name.startswith(prefix))
    return _result(done, before, check_mode=module.check_mode)


def _carry_out(plan: SlotPlan, slots: Slots) -> SlotsDone:
    done = SlotsDone()
    for name in plan.drop:
        # somebody may have begun to use it since we looked
        (done.dropped if slots.drop(name) else done.kept_active).append(name)
    for name in plan.recreate:
        if slots.drop(name) and slots.create(name):
            done.recreated.append(name)
    done.created.extend(name for name in plan.create if slots.create(name))
    return done


def _forecast(plan: SlotPlan, slots: Slots, count: int) -> SlotsDone:
    done = SlotsDone(created=list(plan.create), dropped=list(plan.drop), recreated=list(plan.recreate))
    needed = count - len(plan.drop) + len(plan.create)
    if needed > slots.limit():
        done.warnings.append(
            f"max_replication_slots is {slots.limit()} as the server runs now, and {needed} are needed"
        )
    return done


def _result(done: SlotsDone, before: list[str], *, check_mode: bool) -> dict[str, Any]:
    would = "would be " if check_mode else ""
    parts = [
        f"{would}{what}: {', '.join(names)}"
        for what, names in (
            ("dropped", done.dropped),
            ("recreated", done.recreated),
            ("created", done.created),
        )
        if names
    ]
    after = sorted((set(before) - set(done.dropped)) | set(done.created))
    result: dict[str, Any] = {
        "changed": bool(parts),
        "reason": "; ".join(parts) or "the slots are as they should be",
        "created": done.created,
        "dropped": done.dropped,
        "recreated": done.recreated,
        "kept_active": done.kept_active,
        "diff": {"before": {"slots": before}, "after": {"slots": after}},
    }
    if done.recreated:
        result["diff"]["after"]["recreated"] = done.recreated
    return result


def require_names(wanted: Iterable[str], prefix: str) -> None:
    """Raise HotStandbyError "bad_slot_name" for what PostgreSQL refuses, or what would not be owned. Pure."""
    if not is_slot_name(prefix):
        raise HotStandbyError(
            "bad_slot_name",
            f"{prefix!r} cannot be the prefix of the owned slots",
            "Use lower-case letters, digits and underscores; it must not be empty",
        )
    for name in wanted:
        if not is_slot_name(name):
            raise HotStandbyError(
                "bad_slot_name",
                f"{name!r} is not the name of a replication slot",
                "Use 1 to 63 lower-case letters, digits and underscores (filter slot_name makes them)",
            )
        if not name.startswith(prefix):
            raise HotStandbyError(
                "bad_slot_name",
                f"the slot {name} does not begin with {prefix}, so it would not be owned",
                "Let its name begin with the prefix (filter slot_name makes such names)",
            )
