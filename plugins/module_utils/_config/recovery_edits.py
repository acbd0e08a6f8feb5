# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files change so that each recovery setting stands in exactly one place. Pure.

From 12 on that place is postgresql.auto.conf: it lies in the data directory on every layout, it wins over
postgresql.conf and its includes, and what a base backup or pg_rewind brings of the source's own is rewritten in it.
Below 12 it is recovery.conf.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import (
    RECOVERY_CONF,
    RECOVERY_SIGNAL_FILE,
    SIGNAL_FILE,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

from .conf_file import ConfFile
from .conf_tree import AUTO_CONF, Occurrence
from .conninfo import hide_password
from .recovery_settings import not_elsewhere, without_settings


@dataclass(frozen=True)
class RecoveryFiles:
    """What is there: the text of the file that holds the recovery settings, of postgresql.conf (None: no such file),
    the names of signal files and the like in the data directory, and all settings of postgresql.conf's includes."""

    settings: str | None
    main: str | None
    present: frozenset[str]
    included: tuple[Occurrence, ...] = ()


@dataclass(frozen=True)
class Edits:
    """New texts (None: the file stays as it is), files to create empty and to remove, names of changed settings."""

    settings: str | None
    main: str | None
    create: tuple[str, ...]
    remove: tuple[str, ...]
    names: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.settings is not None or self.main is not None or bool(self.create or self.remove)


def settings_file(dialect: Dialect) -> str:
    """Name, in the data directory, of the file in which the recovery settings stand."""
    return RECOVERY_CONF if dialect.uses_recovery_conf else AUTO_CONF


def plan_edits(dialect: Dialect, wanted: Mapping[str, str | None], found: RecoveryFiles) -> Edits:
    """What has to change. Raises HotStandbyError "set_elsewhere" for a line that is not ours to remove."""
    before = found.settings or ""
    settings = rewritten(before, wanted)
    main = found.main
    create: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    if not dialect.uses_recovery_conf:
        unwanted = not_elsewhere(wanted)
        _refuse_included(unwanted, found.included)
        if main is not None:
            main = ConfFile(main).with_settings(dict.fromkeys(sorted(unwanted))).text
        create = (SIGNAL_FILE,) if SIGNAL_FILE not in found.present else ()
        # a server of 12 or later does not start with a recovery.conf
        remove = tuple(sorted(found.present & {RECOVERY_CONF, RECOVERY_SIGNAL_FILE}))
    return Edits(
        settings=settings if settings != found.settings else None,
        main=main if main != found.main else None,
        create=create,
        remove=remove,
        names=tuple(sorted({*_changed(before, settings), *_changed(found.main or "", main or "")} & set(wanted))),
    )


def rewritten(text: str, wanted: Mapping[str, str | None]) -> str:
    """The text with each wanted setting once, and without the unwanted ones; all else as it was."""
    count = Counter(setting.name for setting in ConfFile(text).settings())
    dropped = [name for name, value in wanted.items() if value is None or count[name] > 1]
    values = {name: value for name, value in wanted.items() if value is not None}
    return ConfFile(without_settings(text, dropped)).with_settings(values).text


def _refuse_included(unwanted: Iterable[str], included: Sequence[Occurrence]) -> None:
    for line in included:
        if line.name in unwanted:
            raise HotStandbyError(
                "set_elsewhere",
                f"{line.file} line {line.line_number} sets {line.name}, which only recovery_config may set here",
                "Remove that line and run this again; nothing was changed",
            )


def _changed(before: str, after: str) -> set[str]:
    old = Counter((setting.name, setting.value) for setting in ConfFile(before).settings())
    new = Counter((setting.name, setting.value) for setting in ConfFile(after).settings())
    return {name for name, dummy in {**(old - new), **(new - old)}}


def shown(text: str | None, names: Iterable[str]) -> str:
    """The lines about these settings as a diff may show them: without passwords, and without all the rest."""
    lines = [
        f"{setting.name} = {_harmless(setting.name, setting.value)}\n"
        for setting in ConfFile(text or "").settings()
        if setting.name in names
    ]
    return "".join(sorted(lines))


def _harmless(name: str, value: str) -> str:
    return hide_password(value) if name == "primary_conninfo" else value
