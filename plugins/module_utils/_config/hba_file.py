# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pg_hba.conf: text in, text out; one managed block, everything else left as it is. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CONNECTION_TYPES = ("local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc")
INCLUDE_DIRECTIVES = ("include", "include_if_exists", "include_dir")

_TOKEN = re.compile(r'(?:"(?:[^"\n]|"")*"|[^ \t\r,"])+|,')
_PLAIN = re.compile(r"[A-Za-z0-9_.$:/+@=~*^-]+")
_NETMASK = re.compile(r"[0-9]+\.[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")


@dataclass(frozen=True)
class HbaRule:
    """A line that we write. database and user are one name or keyword each (all, replication, ...)."""

    type: str
    database: str
    user: str
    address: str | None
    method: str
    options: tuple[tuple[str, str], ...] = ()

    def line(self) -> str:
        """The line, without line end. Raises ValueError for what a line cannot hold."""
        if self.type not in CONNECTION_TYPES:
            raise ValueError(f"{self.type!r} is not one of {', '.join(CONNECTION_TYPES)}")
        if (self.type == "local") != (self.address is None):
            raise ValueError(f"a line of type {self.type} takes {'no' if self.type == 'local' else 'an'} address")
        fields = [self.type, self.database, self.user]
        fields += [] if self.address is None else [self.address]
        fields += [self.method, *(f"{name}={value}" for name, value in self.options)]
        return " ".join(_quote(field) for field in fields)


def _quote(text: str) -> str:
    if not text or any(character in text for character in "\n\r\0"):
        raise ValueError(f"{text!r} cannot stand in an access rule")
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


@dataclass(frozen=True)
class HbaEntry:
    """A line as it is found: its names are lists, and its mask may be a field of its own."""

    line_number: int
    type: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str | None
    netmask: str | None
    method: str
    options: tuple[str, ...] = ()
    file_name: str | None = None


@dataclass(frozen=True)
class HbaFile:
    """The text of an access file."""

    text: str

    @classmethod
    def parse(cls, text: str) -> HbaFile:
        """Take a text; lines that the server would not understand are carried along untouched."""
        return cls(text)

    def entries(self) -> tuple[HbaEntry, ...]:
        """The rules in their order. Lines that are no rule are left out."""
        found = (_entry(number, line) for number, line in self._logical_lines())
        return tuple(entry for entry in found if entry)

    def block(self, marker: str) -> tuple[int, int] | None:
        """Numbers of the first and last line of a managed block (from 1, its markers included).

        Raises ValueError when a marker is alone or doubled.
        """
        begin, end = self._positions(_begin(marker)), self._positions(_end(marker))
        if not begin and not end:
            return None
        if len(begin) != 1 or len(end) != 1 or begin[0] > end[0]:
            lines = ", ".join(str(number) for number in sorted(begin + end))
            raise ValueError(f"the markers of the managed block {marker!r} do not pair up (line {lines})")
        return begin[0], end[0]

    def with_block(self, rules: Iterable[HbaRule], marker: str) -> HbaFile:
        """The file with a managed block of these rules; no rules remove the block.

        A new block goes to the top of the file, because the first line that matches a connection decides.
        One that exists stays where it is: a line that somebody put above it is there on purpose.
        Raises ValueError for a broken block or a rule that no line can hold.
        """
        written = [rule.line() for rule in rules]
        block = [_begin(marker), *written, _end(marker)] if written else []
        place = self.block(marker)
        lines = self._lines()
        if place is None:
            top = "".join(f"{line}\n" for line in (*block, ""))
            return HbaFile(top + self.text) if block else self
        first, last = place
        rest = lines[last:]
        if not block and rest[:1] == [""] and len(rest) > 1:
            rest = rest[1:]  # the empty line that parts a block from what follows
        return HbaFile("\n".join([*lines[: first - 1], *block, *rest]))

    def _lines(self) -> list[str]:
        return self.text.split("\n")

    def _positions(self, marker: str) -> list[int]:
        return [number for number, line in enumerate(self._lines(), start=1) if line.strip() == marker]

    def _logical_lines(self) -> list[tuple[int, str]]:
        """Lines with the continued ones joined (14+: a backslash at the end continues a line)."""
        joined: list[tuple[int, str]] = []
        continued = False
        for number, line in enumerate(self._lines(), start=1):
            text = line.rstrip("\r")
            if continued:
                first, before = joined.pop()
                joined.append((first, before[:-1] + text))
            else:
                joined.append((number, text))
            continued = text.endswith("\\")
        return joined


def _begin(marker: str) -> str:
    return f"# BEGIN hotstandby.postgresql {marker}"


def _end(marker: str) -> str:
    return f"# END hotstandby.postgresql {marker}"


def _fields(line: str) -> list[tuple[str, ...]]:
    """The fields of a line, each a list of names; a comma joins names into one field."""
    fields: list[list[str]] = []
    joined = False
    for token in _TOKEN.findall(_without_comment(line)):
        if token == ",":
            joined = bool(fields)
            continue
        name = re.sub(r'"((?:[^"]|"")*)"', lambda found: found.group(1).replace('""', '"'), token)
        if joined:
            fields[-1].append(name)
        else:
            fields.append([name])
        joined = False
    return [tuple(field) for field in fields]


def _without_comment(line: str) -> str:
    quoted = False
    for position, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == "#" and not quoted:
            return line[:position]
    return line


def _entry(number: int, line: str) -> HbaEntry | None:
    fields = _fields(line)
    if len(fields) < 4 or fields[0][0] not in CONNECTION_TYPES:
        return None
    kind, databases, users, *rest = fields
    address = netmask = None
    if kind[0] != "local":
        address = rest.pop(0)[0]
        if rest and "/" not in address and _NETMASK.fullmatch(rest[0][0]):
            netmask = rest.pop(0)[0]
    if not rest:
        return None
    method, *options = (field[0] for field in rest)
    return HbaEntry(number, kind[0], databases, users, address, netmask, method, tuple(options))
