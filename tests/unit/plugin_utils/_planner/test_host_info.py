# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is, by its os-release, and the command that prints it."""

from __future__ import annotations

import os
import pwd
import subprocess

import pytest

from ansible_collections.hotstandby.postgresql.plugins.plugin_utils._planner.host_info import (
    command_for,
    host_info_from,
)

RELEASES = {
    'NAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n': ("Debian", "Debian 12"),
    "ID=debian\n": ("Debian", "Debian"),
    'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n': ("Debian", "Ubuntu 24"),
    "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID='22'\n": ("Debian", "Linuxmint 22"),
    'ID="rocky"\r\nID_LIKE="rhel centos fedora"\r\nVERSION_ID="9.5"\r\n': ("RedHat", "Rocky 9"),
    'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n': ("RedHat", "Rhel 9"),
    "ID=fedora\nVERSION_ID=42\n": ("RedHat", "Fedora 42"),
    "ID=alpine\n": ("other", "Alpine"),
    'ID=arch\nNAME="a quote without its end\n': ("other", "Arch"),
    "": ("other", ""),
}


@pytest.mark.parametrize(("text", "expected"), RELEASES.items())
def test_family_and_release(text: str, expected: tuple[str, str]) -> None:
    found = host_info_from(text)
    assert (found.family, found.release, found.has_account) == (*expected, False)
    assert host_info_from(f"{text}\nHOTSTANDBY_HAS_ACCOUNT=yes\n").has_account


def ask(account: str) -> str:
    """Run the command here."""
    return subprocess.run(["/bin/sh", "-c", command_for(account)], check=True, capture_output=True, text=True).stdout


def test_this_host() -> None:
    found = host_info_from(ask(pwd.getpwuid(os.geteuid()).pw_name))
    assert found.has_account
    assert found.family == "Debian" or not os.path.exists("/etc/debian_version")
    assert not host_info_from(ask("nobody_of_that_name")).has_account
