# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What module server_config tells of its work. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .conf_file import ConfFile
from .conninfo import SECRET_KEYWORDS, hide_password, parse
from .setting_effect import Effect

# Name to the value before and the value after.
Changes = Mapping[str, "tuple[str | None, str | None]"]

CONNECTION_STRINGS = ("primary_conninfo",)


def passwords_in(settings: Mapping[str, str | None]) -> list[tuple[str, str]]:
    """Secrets that stand in connection strings, with the name of the setting."""
    found = []
    for name in CONNECTION_STRINGS:
        value = settings.get(name)
        try:
            parameters = parse(value or "")
        except ValueError:
            parameters = {}  # the server rejects it; its message does not repeat it
        found += [(name, parameters[keyword]) for keyword in SECRET_KEYWORDS & parameters.keys()]
    return found


def tell_changes(changes: Changes, contexts: Mapping[str, str]) -> list[dict[str, Any]]:
    """The changes as the module returns them, without passwords."""
    return [
        {
            "name": name,
            "before": _shown(name, before),
            "after": _shown(name, after),
            "context": contexts[name],
        }
        for name, (before, after) in changes.items()
    ]


def _shown(name: str, value: str | None) -> str | None:
    return hide_password(value) if value and name in CONNECTION_STRINGS else value


def tell_difference(path: str, before: str, after: str) -> dict[str, str]:
    """The diff of a configuration file, without passwords."""
    return {
        "before_header": path,
        "after_header": path,
        "before": without_passwords(before),
        "after": without_passwords(after),
    }


def without_passwords(text: str) -> str:
    """A configuration file fit to be shown: no password of a connection string, commented out or not."""
    return "\n".join(_line_without_passwords(line) for line in text.split("\n"))


def _line_without_passwords(line: str) -> str:
    setting = ConfFile(line.lstrip("# \t"))
    mark = line[: len(line) - len(setting.text)]
    for name in CONNECTION_STRINGS:
        value = setting.get(name)
        if value is not None:
            return mark + setting.with_settings({name: hide_password(value)}).text
    return line


def tell_reason(
    path: str, changes: Changes, waiting: Effect, *, running: bool, reloaded: bool, check_mode: bool
) -> str:
    """One sentence. waiting: what is not live (before a reload that check mode only forecasts)."""
    names = ", ".join(changes)
    if names:
        parts = [f"{names} would be changed in {path}" if check_mode else f"{names} changed in {path}"]
    else:
        parts = [f"{path} says what is wanted"]
    if not running:
        parts += ["the server does not run and will read it at its start"] if names else []
    elif reloaded:
        parts.append("the server would be reloaded" if check_mode else "the server was reloaded")
    elif waiting.reload:
        parts.append(f"for {', '.join(waiting.reload)} the server has to be reloaded")
    if running and waiting.restart:
        parts.append(f"for {', '.join(waiting.restart)} the server has to be restarted")
    return "; ".join(parts)
