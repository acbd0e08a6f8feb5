# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""postgresql.conf (and recovery.conf): text in, text out, the user's comments and order kept. Pure.

The grammar is that of PostgreSQL's own scanner of configuration files.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping
from dataclasses import dataclass

HEADING = "# Added by hotstandby.postgresql"
INCLUDE_DIRECTIVES = ("include", "include_if_exists", "include_dir")

# The server takes every byte from 128 on for a letter. (As a range inside brackets it would take re 10 ms to compile.)
_HIGH = r"[^\x00-\x7f]"
_WORD = rf"(?:[A-Za-z_]|{_HIGH})(?:[A-Za-z0-9_]|{_HIGH})*"
_LINE = re.compile(
    rf"(?P<before>[ \t\r]*(?P<name>{_WORD}(?:\.{_WORD})*)(?![A-Za-z0-9_.]|{_HIGH})"
    r"[ \t\r]*=?[ \t\r]*)"
    rf"(?P<value>'(?:[^'\\\n]|\\[^\n]|'')*'|(?:[-+A-Za-z0-9_.:/]|{_HIGH})+)"
    r"(?P<after>[ \t\r]*(?:\#[^\n]*)?)"
)
_NAME = re.compile(rf"{_WORD}(?:\.{_WORD})*")
_BARE_VALUE = re.compile(r"[-+]?(?:[0-9]+|0x[0-9A-Fa-f]+)[A-Za-z]*|[-+]?[0-9]+\.[0-9]+|[A-Za-z_][A-Za-z0-9_]*")
_ESCAPED = re.compile(r"''|\\([0-7]{1,3}|.)", re.DOTALL)
_CONTROL_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CONTROL_CHARACTERS = {character: f"\\{letter}" for letter, character in _CONTROL_ESCAPES.items()}


@dataclass(frozen=True)
class Setting:
    """One line that sets something. Lines count from 1; the name is in lower case, the value unquoted."""

    name: str
    value: str
    line_number: int


@dataclass(frozen=True)
class ConfFile:
    """The text of a configuration file."""

    text: str

    @classmethod
    def parse(cls, text: str) -> ConfFile:
        """Take a text; lines that the server would not understand are carried along untouched."""
        return cls(text)

    def settings(self) -> tuple[Setting, ...]:
        """Every setting in the order of the file, repeated ones and include directives among them."""
        lines = ((number, _LINE.fullmatch(line)) for number, line in enumerate(self._lines(), start=1))
        return tuple(
            Setting(found["name"].lower(), unquote(found["value"]), number) for number, found in lines if found
        )

    def find(self, name: str) -> Setting | None:
        """The line that counts for a setting: its last one."""
        found = [setting for setting in self.settings() if setting.name == name.lower()]
        return found[-1] if found else None

    def get(self, name: str) -> str | None:
        """The value that counts for a setting (unquoted; the last one wins), or None."""
        found = self.find(name)
        return found.value if found else None

    def includes(self) -> tuple[Setting, ...]:
        """The include directives in their order: name is one of INCLUDE_DIRECTIVES, value the path."""
        return tuple(setting for setting in self.settings() if setting.name in INCLUDE_DIRECTIVES)

    def with_settings(self, wanted: Mapping[str, str | None]) -> ConfFile:
        """The file with these settings; None removes one.

        The line that counts is edited in place and keeps its comment. A setting that no line has is appended
        below one heading. A removed line is commented out, or dropped if it stands below our heading. A line
        that says the same already stays as it is. Raises ValueError for what no file can hold.
        """
        names = {name.lower(): value for name, value in wanted.items()}
        for name in names:
            if not _NAME.fullmatch(name) or name in INCLUDE_DIRECTIVES:
                raise ValueError(f"{name!r} is not the name of a setting")
        lines: list[str | None] = list(self._lines())
        heading = self._heading()
        ours = len(lines) if heading is None else heading
        missing = {name: value for name, value in names.items() if value is not None}
        for setting in reversed(self.settings()):
            if setting.name not in names:
                continue
            index = setting.line_number - 1
            value = names[setting.name]
            if value is None:
                lines[index] = None if index > ours else f"#{lines[index]}"
            elif setting.name in missing:
                del missing[setting.name]
                if setting.value != value:
                    lines[index] = _with_value(lines[index] or "", value)
        text = "\n".join(line for line in lines if line is not None)
        return ConfFile(text + self._addition(text, missing))

    def with_absolute_includes(self, directory: str) -> ConfFile:
        """The file as it has to read to mean the same in another place; directory is where it belongs."""
        lines = self._lines()
        for include in self.includes():
            index = include.line_number - 1
            lines[index] = _with_value(lines[index], os.path.join(directory, include.value))
        return ConfFile("\n".join(lines))

    def _lines(self) -> list[str]:
        return self.text.split("\n")

    def _heading(self) -> int | None:
        lines = [line.rstrip("\r") for line in self._lines()]
        return lines.index(HEADING) if HEADING in lines else None

    def _addition(self, text: str, missing: Mapping[str, str]) -> str:
        if not missing:
            return ""
        heading = "" if self._heading() is not None else f"\n{HEADING}\n" if text else f"{HEADING}\n"
        line_end = "" if not text or text.endswith("\n") else "\n"
        return line_end + heading + "".join(f"{name} = {quote(value)}\n" for name, value in missing.items())


def _with_value(line: str, value: str) -> str:
    found = _LINE.fullmatch(line)
    if not found:
        return line
    before = found["before"]
    # "port'1'" may do without a space only as long as the value is quoted
    gap = "" if before[-1:] in (" ", "\t", "=") else " "
    return f"{before}{gap}{quote(value)}{found['after']}"


def quote(value: str) -> str:
    """A value as it stands in a configuration file. Raises ValueError for a zero byte."""
    if "\0" in value:
        raise ValueError("a configuration file cannot hold a zero byte")
    if _BARE_VALUE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    for character, escape in _CONTROL_CHARACTERS.items():
        escaped = escaped.replace(character, escape)
    return f"'{escaped}'"


def unquote(text: str) -> str:
    """The value that a text in a configuration file stands for."""
    if not text.startswith("'"):
        return text
    return _ESCAPED.sub(_unescape, text[1:-1])


def _unescape(found: re.Match[str]) -> str:
    escape: str | None = found.group(1)
    if escape is None:
        return "'"
    if escape[0] in "01234567":
        return chr(int(escape, 8) & 0xFF)
    return _CONTROL_ESCAPES.get(escape, escape)
