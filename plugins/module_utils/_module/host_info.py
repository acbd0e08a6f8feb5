# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of module host_info. It imports little: every run of a playbook begins with it."""

from __future__ import annotations

import pwd
from typing import Any

from ansible.module_utils import distro

FAMILIES = {"Debian": {"debian", "ubuntu"}, "RedHat": {"rhel", "fedora", "centos"}}


def host_info(account: str) -> dict[str, Any]:
    """The distribution of this host, and whether it has the account."""
    # the other sources of distro are programs, which take their time; what it is made of is known only when it runs
    found = vars(distro)["os_release_info"]()
    name, version = found.get("id", ""), found.get("version_id", "")
    return {
        "family": family_of(name, found.get("id_like", "")),
        "release": f"{name.capitalize()} {version.split('.')[0]}".strip(),
        "has_account": _has_account(account),
    }


def family_of(distribution: str, like: str) -> str:
    """Debian, RedHat or other. Both as os-release has them: ID, and ID_LIKE, which may name several. Pure."""
    names = {distribution, *like.split()}
    return next((family for family, members in FAMILIES.items() if names & members), "other")


def _has_account(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
