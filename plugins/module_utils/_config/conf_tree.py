# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of a server's configuration in the order in which it is read: main file, includes, ALTER SYSTEM. Pure.

What is read later wins (PostgreSQL's documentation, Managing Configuration File Contents).
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .conf_file import ConfFile
from .conf_value import same_value

AUTO_CONF = "postgresql.auto.conf"
DEEPEST_INCLUDE = 10


@dataclass(frozen=True)
class Occurrence:
    """A line of some file that sets something."""

    name: str
    value: str
    file: str
    line_number: int


@dataclass(frozen=True)
class Files:
    """How to read: text of a file (None: there is none), names of the files in a directory."""

    read: Callable[[str], str | None]
    names: Callable[[str], list[str]]


@dataclass(frozen=True)
class Kind:
    """What is known of a setting's values: vartype and unit of pg_settings."""

    vartype: str | None = None
    unit: str | None = None


def read_tree(path: str, text: str, files: Files, depth: int = 0) -> list[Occurrence]:
    """Every setting of a file and of all that it includes, in the order of reading.

    Raises HotStandbyError "missing_include" or "endless_include"; the server would not start either.
    """
    if depth > DEEPEST_INCLUDE:
        raise HotStandbyError(
            "endless_include",
            f"{path} is included more than {DEEPEST_INCLUDE} levels deep",
            "Remove the circle",
        )
    found = []
    included = {setting.line_number: setting for setting in ConfFile(text).includes()}
    for setting in ConfFile(text).settings():
        if setting.line_number not in included:
            found.append(Occurrence(setting.name, setting.value, path, setting.line_number))
            continue
        target = os.path.join(os.path.dirname(path), setting.value)
        for name in _included_files(target, files) if setting.name == "include_dir" else [target]:
            inner = files.read(name)
            if inner is None and setting.name == "include":
                raise HotStandbyError(
                    "missing_include",
                    f"{path} line {setting.line_number} includes {name}, which does not exist",
                    "Remove the line or create the file",
                )
            found += read_tree(name, inner, files, depth + 1) if inner is not None else []
    return found


def _included_files(directory: str, files: Files) -> list[str]:
    names = [name for name in files.names(directory) if name.endswith(".conf") and not name.startswith(".")]
    return [os.path.join(directory, name) for name in sorted(names, key=os.fsencode)]


def overriding(
    occurrences: Iterable[Occurrence],
    path: str,
    wanted: Mapping[str, str | None],
    kinds: Mapping[str, Kind],
) -> list[Occurrence]:
    """Of all lines those that beat what the main file says, with another value.

    occurrences: in the order of reading, as they are once the main file (path) says what is wanted.
    """
    last = {occurrence.name: occurrence for occurrence in occurrences}
    return [
        last[name]
        for name, value in wanted.items()
        if name in last
        and (value is None or (last[name].file != path and not _same(last[name].value, value, kinds.get(name))))
    ]


def _same(left: str, right: str, kind: Kind | None) -> bool:
    return same_value(left, right, kind.vartype if kind else None, kind.unit if kind else None)


def override_error(path: str, winner: Occurrence, wanted: str | None) -> HotStandbyError:
    """Say which line beats ours, and what to do about it."""
    where = f"{winner.file} line {winner.line_number}"
    if os.path.basename(winner.file) == AUTO_CONF:
        way_out = f"Run ALTER SYSTEM RESET {winner.name} on that server"
    else:
        way_out = "Remove that line"
    return HotStandbyError(
        "overridden",
        f"{where} keeps {winner.name} set, which {path} is to leave to its default"
        if wanted is None
        else f"{winner.name} in {path} would have no effect: {where} sets it too and is read later",
        f"{way_out}, or leave {winner.name} out of the settings (nothing was changed)",
    )
