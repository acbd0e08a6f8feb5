# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which distribution a host runs, by its os-release file, and whether it has the cluster's account. Pure.

The form of the file is that of os-release(5).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

FAMILIES = {"Debian": {"debian", "ubuntu"}, "RedHat": {"rhel", "fedora", "centos"}}
HAS_ACCOUNT = "HOTSTANDBY_HAS_ACCOUNT"


@dataclass(frozen=True)
class HostInfo:
    """family: Debian, RedHat or other. release: name and major version, as "Debian 12"; empty when nothing is known."""

    family: str
    release: str
    has_account: bool


def command_for(account: str) -> str:
    """What the host's shell is to run. account: a name as the shell wants it."""
    files = "cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release 2>/dev/null"
    # the last line of a file may be without its end
    return f"{files}; echo; id -u -- {account} >/dev/null 2>&1 && echo {HAS_ACCOUNT}=yes; true"


def host_info_from(text: str) -> HostInfo:
    """Read what the command printed."""
    found = dict(filter(None, map(_assignment, text.splitlines())))
    name, version = found.get("ID", ""), found.get("VERSION_ID", "")
    return HostInfo(
        family=family_of(name, found.get("ID_LIKE", "")),
        release=f"{name.capitalize()} {version.split('.')[0]}".strip(),
        has_account=HAS_ACCOUNT in found,
    )


def family_of(name: str, like: str) -> str:
    """Debian, RedHat or other. Both as os-release has them: ID, and ID_LIKE, which may name several."""
    names = {name, *like.split()}
    return next((family for family, members in FAMILIES.items() if names & members), "other")


def _assignment(line: str) -> tuple[str, str] | None:
    name, equals, value = line.strip().partition("=")
    if not equals or not name.isidentifier():
        return None
    try:
        return name, "".join(shlex.split(value))
    except ValueError:
        return None  # a quote without its end
