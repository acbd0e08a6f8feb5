# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When two values of a setting mean the same: on and true, 1GB and 1024MB. Pure.

The rules are those of PostgreSQL's documentation, Setting Parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# Factors to bytes and to microseconds. Units are case-sensitive for the server too.
_BYTES = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3, "TB": 1024**4}
_MICROSECONDS = {
    "us": 1,
    "ms": 1000,
    "s": 1000**2,
    "min": 60 * 1000**2,
    "h": 3600 * 1000**2,
    "d": 86400 * 1000**2,
}
_NUMBER = re.compile(
    r"([-+]?)(?:(0x[0-9A-Fa-f]+)|(0[0-7]+)|([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([-+]?[0-9]+))?)\s*([A-Za-z]*)"
)
_UNIT = re.compile(r"([0-9]*)([A-Za-z]+)")

# The server also takes any beginning of these words that fits only one.
_TRUE = frozenset({"on", "t", "tr", "tru", "true", "y", "ye", "yes"})
_FALSE = frozenset({"of", "off", "f", "fa", "fal", "fals", "false", "n", "no"})


def setting_text(value: Any) -> str | None:
    """A value as YAML gives it, as the text that a configuration file holds. Raises ValueError."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError(f"{value!r} is neither a text, a number, a truth value nor null")


def same_value(left: str, right: str, kind: str | None = None, unit: str | None = None) -> bool:
    """Whether two values mean the same.

    kind and unit are vartype and unit of pg_settings; without them (no server to ask) the shape of the two
    values decides, and a number without unit equals no number that has one.
    """
    if left == right:
        return True
    if kind is None:
        kind = _guess(left, right)
    return normalise(left, kind, unit) == normalise(right, kind, unit)


def normalise(value: str, kind: str | None, unit: str | None = None) -> str:
    """One spelling for all values that mean the same; a value that does not fit its kind stays as it is."""
    if kind == "bool":
        return _truth(value, numbers=True)
    if kind == "enum":
        # true, yes and 1 are hidden aliases of "on" wherever an enum has it
        return _truth(value.lower(), numbers=True)
    if kind in ("integer", "real"):
        return _number(value, unit)
    return value


def bytes_of(value: Any) -> int:
    """Bytes, as a whole number or with one of PostgreSQL's units (B, kB, MB, GB, TB). Raises ValueError."""
    found = re.fullmatch(r"([0-9]+)\s*([A-Za-z]*)", str(value).strip(), re.ASCII)
    if isinstance(value, bool) or not found or (found[2] or "B") not in _BYTES:
        raise ValueError(f"{value!r} is no number of bytes")
    return int(found[1]) * _BYTES[found[2] or "B"]


def _guess(left: str, right: str) -> str:
    words = [_truth(value, numbers=False) for value in (left, right)]
    if any(word in ("on", "off") for word in words):
        return "bool"
    return "real" if all(_NUMBER.fullmatch(value.strip()) for value in (left, right)) else "string"


def _truth(value: str, *, numbers: bool) -> str:
    word = value.strip().lower()
    if word in _TRUE or (numbers and word == "1"):
        return "on"
    if word in _FALSE or (numbers and word == "0"):
        return "off"
    return value


def _number(value: str, unit: str | None) -> str:
    found = _NUMBER.fullmatch(value.strip())
    if not found:
        return value
    sign, hexadecimal, octal, decimal, exponent, own_unit = found.groups()
    number = (
        Decimal(int(hexadecimal, 16))
        if hexadecimal
        else Decimal(int(octal, 8))
        if octal
        else Decimal(decimal).scaleb(int(exponent or 0))
    )
    number = -number if sign == "-" else number
    if number <= 0 and not own_unit:
        # 0 and -1 switch something off whatever the unit
        return str(number.normalize())
    scale = _scale(own_unit) if own_unit else _scale(unit or "")
    if scale is None:
        return f"{number.normalize():f}{own_unit}"
    factor, base = scale
    total = number * factor
    return f"{total.normalize():f}{base}" if total else "0"


def _scale(unit: str) -> tuple[int, str] | None:
    """Factor and base unit; the server's own units may carry a number (8kB). None for a unit unknown here."""
    if not unit:
        return 1, ""
    found = _UNIT.fullmatch(unit)
    if not found:
        return None
    factor = int(found.group(1) or 1)
    tables: tuple[tuple[Mapping[str, int], str], ...] = ((_BYTES, "B"), (_MICROSECONDS, "us"))
    for table, base in tables:
        if found.group(2) in table:
            return factor * table[found.group(2)], base
    return None
