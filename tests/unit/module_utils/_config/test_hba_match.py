# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which line of an access file decides, as a table."""

from __future__ import annotations

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_file import HbaFile, HbaRule
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_match import is_line_of, shadowing

OURS = "host replication standby 198.51.100.11/32 scram-sha-256"
NETWORK = "host replication standby 198.51.100.0/24 scram-sha-256"
QUERY = "host postgres standby 198.51.100.11/32 scram-sha-256"
ENCRYPTED = "hostssl replication standby 198.51.100.11/32 scram-sha-256"
OWN = "host standby standby 198.51.100.11/32 scram-sha-256"
SIXTH = "host replication standby 2001:db8::11/128 scram-sha-256"
LOCAL = "local all standby peer"


def rule_of(line: str) -> HbaRule:
    entry = HbaFile(line).entries()[0]
    return HbaRule(entry.type, entry.databases[0], entry.users[0], entry.address, entry.method, ())


@pytest.mark.parametrize(
    ("rule", "earlier", "decides"),
    [
        (OURS, "", None),
        # another method or other options decide; the same do no harm
        (OURS, "host replication standby 198.51.100.11/32 reject", 1),
        (OURS, "host replication standby 198.51.100.11/32 scram-sha-256", None),
        (OURS, "host replication standby 198.51.100.11/32 scram-sha-256 clientcert=verify-full", 1),
        (OURS, "# comment\n\nhost replication all all md5", 3),
        # the first line that covers everything settles it, whatever follows
        (OURS, "host replication standby all scram-sha-256\nhost replication all all reject", None),
        # databases: "all" is not for replication, and replication only for that
        (OURS, "host all all 0.0.0.0/0 reject", None),
        (OURS, "host all,replication all 0.0.0.0/0 reject", 1),
        (QUERY, "host all all 0.0.0.0/0 reject", 1),
        (QUERY, "host replication all 0.0.0.0/0 reject", None),
        (QUERY, "host other,postgres standby 0.0.0.0/0 md5", 1),
        (QUERY, "host sameuser standby 0.0.0.0/0 md5", None),
        (OWN, "host sameuser standby 0.0.0.0/0 md5", 1),
        # users
        (OURS, "host replication somebody all reject", None),
        (OURS, "host replication somebody,standby all reject", 1),
        # addresses
        (OURS, "host replication all 198.51.100.0/24 reject", 1),
        (OURS, "host replication all 198.51.100.0 255.255.255.0 reject", 1),
        (OURS, "host replication all 198.51.100.12/32 reject", None),
        (OURS, "host replication all ::/0 reject", None),
        (SIXTH, "host replication all ::/0 reject", 1),
        (SIXTH, "host replication all 2001:db8:: ffff:ffff:: reject", 1),
        (SIXTH, "host replication all 0.0.0.0/0 reject", None),
        (OURS, "host replication all n2.example.com reject", None),
        (OURS, "host replication all samenet reject", None),
        # an exception from a network is somebody's will, the network itself is not
        (NETWORK, "host replication all 198.51.100.7/32 reject", None),
        (NETWORK, "host replication all 198.51.0.0/16 reject", 1),
        # types
        (OURS, "local all all reject", None),
        (LOCAL, "local all all md5", 1),
        (LOCAL, "host all all all reject", None),
        (OURS, "hostssl replication all all reject", 1),
        (OURS, "hostnossl replication all all reject", 1),
        (ENCRYPTED, "hostnossl replication all all reject", None),
        (ENCRYPTED, "hostgssenc replication all all reject", None),
        (ENCRYPTED, "hostnogssenc replication all all reject", 1),
        (OURS, "hostssl replication all all scram-sha-256\nhostnossl replication all all reject", 2),
        (ENCRYPTED, "hostssl replication all all scram-sha-256\nhost replication all all reject", None),
    ],
)
def test_which_line_decides(rule: str, earlier: str, decides: int | None) -> None:
    entry = shadowing(HbaFile(earlier).entries(), rule_of(rule))
    assert (entry.line_number if entry else None) == decides


@pytest.mark.parametrize(
    ("line", "same"),
    [
        (OURS, True),
        ("host replication standby 198.51.100.11 255.255.255.255 scram-sha-256", True),
        ("host replication standby 198.51.100.12/32 scram-sha-256", False),
        ("host replication standby 198.51.100.11/32 md5", False),
        ("hostssl replication standby 198.51.100.11/32 scram-sha-256", False),
        ("host replication,all standby 198.51.100.11/32 scram-sha-256", False),
        ("host replication other 198.51.100.11/32 scram-sha-256", False),
        ("host replication standby all scram-sha-256", False),
    ],
)
def test_which_line_is_the_one_that_was_written(line: str, same: bool) -> None:
    assert is_line_of(HbaFile(line).entries()[0], rule_of(OURS)) is same
