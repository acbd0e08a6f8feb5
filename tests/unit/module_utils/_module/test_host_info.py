# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is, from its os-release."""

from __future__ import annotations

import os
import pwd

import pytest
from ansible.module_utils import distro

from ansible_collections.hotstandby.postgresql.plugins.module_utils._module.host_info import family_of, host_info

# ID, VERSION_ID and ID_LIKE as the distributions have them.
RELEASES = [
    ({"id": "debian", "version_id": "12"}, "Debian", "Debian 12"),
    ({"id": "debian"}, "Debian", "Debian"),
    ({"id": "ubuntu", "version_id": "24.04", "id_like": "debian"}, "Debian", "Ubuntu 24"),
    ({"id": "linuxmint", "version_id": "22", "id_like": "ubuntu debian"}, "Debian", "Linuxmint 22"),
    ({"id": "rocky", "version_id": "9.5", "id_like": "rhel centos fedora"}, "RedHat", "Rocky 9"),
    ({"id": "rhel", "version_id": "9.4", "id_like": "fedora"}, "RedHat", "Rhel 9"),
    ({"id": "fedora", "version_id": "42"}, "RedHat", "Fedora 42"),
    ({"id": "arch"}, "other", "Arch"),
    ({}, "other", ""),
]


@pytest.mark.parametrize(("found", "family", "release"), RELEASES)
def test_family_and_release(found: dict[str, str], family: str, release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distro, "os_release_info", lambda: found)
    told = host_info("root")
    assert (told["family"], told["release"], told["has_account"]) == (family, release, True)


def test_this_host() -> None:
    account = pwd.getpwuid(os.geteuid()).pw_name
    assert host_info(account)["has_account"]
    assert host_info(account)["family"] == "Debian" or not os.path.exists("/etc/debian_version")
    assert not host_info("nobody_of_that_name")["has_account"]


def test_a_distribution_that_is_like_none() -> None:
    assert family_of("alpine", "") == "other"
