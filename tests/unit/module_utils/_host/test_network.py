# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses are this host's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.network import is_local


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", True),
        ("/var/run/postgresql", True),
        ("192.0.2.1", False),
        ("name.invalid", False),
        ("", False),
    ],
)
def test_is_local(host: str, local: bool) -> None:
    if host == "::1" and not Path("/proc/net/if_inet6").read_text():
        pytest.skip("this machine has no IPv6")
    assert is_local(host) == local
