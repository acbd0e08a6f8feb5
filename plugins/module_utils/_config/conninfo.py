# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpq's connection strings. Pure.

The quoting rules are those of libpq's documentation (Connection Strings).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

SECRET_KEYWORDS = frozenset({"password", "sslpassword", "oauth_client_secret"})
HIDDEN = "********"

# What C's isspace() knows; Python's own idea of white space is wider.
_SPACE = " \t\n\r\f\v"
_PLAIN_VALUE = re.compile(r"[^\s'\\]+")
_PAIR = re.compile(
    rf"(?P<name>[^={_SPACE}]+)[{_SPACE}]*=[{_SPACE}]*"
    rf"(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>(?:[^'\\{_SPACE}]|\\.)(?:[^\\{_SPACE}]|\\.)*|))",
    re.DOTALL,
)
_URI_SCHEMES = ("postgresql://", "postgres://")
_URI = re.compile(r"postgres(?:ql)?://(?:([^@/?]*)@)?([^/?]*)(?:/([^?]*))?(?:\?(.*))?", re.DOTALL)


def parse(text: str) -> dict[str, str]:
    """Read a connection string, key=value or URI. The last of a repeated keyword wins.

    Raises ValueError, which never repeats the text: it may hold a password.
    """
    if text.startswith(_URI_SCHEMES):
        return _parse_uri(text)
    found: dict[str, str] = {}
    position = _skip_space(text, 0)
    while position < len(text):
        pair = _PAIR.match(text, position)
        if not pair or not _ends_at_space(text, pair.end(), pair["quoted"] is not None):
            raise ValueError(f"the connection string is malformed after character {position}")
        value = pair["quoted"] if pair["quoted"] is not None else pair["plain"]
        found[pair["name"]] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        position = _skip_space(text, pair.end())
    return found


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _ends_at_space(text: str, position: int, quoted: bool) -> bool:
    # libpq lets the next keyword follow a closing quote directly
    return quoted or position == len(text) or text[position] in _SPACE


def _parse_uri(text: str) -> dict[str, str]:
    parts = _URI.fullmatch(text)
    if not parts:
        raise ValueError("the connection URI is malformed")
    credentials, places, database, query = (part or "" for part in parts.groups())
    user, password = [*credentials.split(":", 1), ""][:2]
    hosts = [_host_and_port(place) for place in places.split(",")]
    found = {
        "user": user,
        "password": password,
        "host": ",".join(host for host, dummy in hosts),
        "port": ",".join(port for dummy, port in hosts) if any(port for dummy, port in hosts) else "",
        "dbname": database,
    }
    for pair in query.split("&"):
        name, value = [*pair.split("=", 1), ""][:2]
        found[unquote(name)] = value
    return {name: unquote(value) for name, value in found.items() if name and value}


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, rest = [*place[1:].split("]", 1), ""][:2]
        return host, rest[1:]
    host, port = [*place.split(":", 1), ""][:2]
    return host, port


def build(parameters: Mapping[str, object]) -> str:
    """Write a connection string; parameters that are None are left out.

    Raises ValueError for a keyword or a value that libpq cannot take.
    """
    return " ".join(
        f"{_keyword(name)}={_value(name, value)}" for name, value in parameters.items() if value is not None
    )


def _keyword(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is not a connection keyword")
    return name


def _value(name: str, value: object) -> str:
    text = str(value)
    if "\0" in text:
        raise ValueError(f"the value of {name} holds a zero byte")
    if _PLAIN_VALUE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def hide_password(text: str) -> str:
    """A connection string fit to be shown: its secrets are replaced, or all of it if it cannot be read."""
    try:
        parameters = parse(text)
        if not SECRET_KEYWORDS & parameters.keys():
            return text
        return build({name: HIDDEN if name in SECRET_KEYWORDS else value for name, value in parameters.items()})
    except ValueError:
        return HIDDEN
