# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From rules in a playbook to lines."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.hba_wanted import addresses, wanted_rules
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

HOSTS = {
    "n2": ["198.51.100.12"],
    "n3.example.com": ["2001:db8::13", "198.51.100.13", "198.51.100.13", "fe80::1%eth0"],
    "nowhere": [],
}


def resolve(name: str) -> list[str]:
    if name not in HOSTS:
        raise OSError(-2, "Name or service not known")
    return HOSTS[name]


def given(**changes: Any) -> dict[str, Any]:
    rule = {
        "type": "host",
        "database": "replication",
        "user": "standby",
        "address": "198.51.100.11",
        "method": "scram-sha-256",
        "options": None,
    }
    return {**rule, **changes}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("198.51.100.11", ["198.51.100.11/32"]),
        ("2001:DB8::11", ["2001:db8::11/128"]),
        ("198.51.100.0/24", ["198.51.100.0/24"]),
        ("198.51.100.11/24", ["198.51.100.0/24"]),
        ("all", ["all"]),
        ("samenet", ["samenet"]),
        ("n2", ["198.51.100.12/32"]),
        ("n3.example.com", ["198.51.100.13/32", "2001:db8::13/128", "fe80::1/128"]),
    ],
)
def test_addresses(text: str, found: list[str]) -> None:
    assert addresses(text, resolve) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("n4", "cannot resolve n4 (Name or service not known), so no access rule can match it"),
        ("nowhere", "nowhere has no address on this host"),
        ("198.51.100.0/33", "neither an address, nor a network, nor the name of a host"),
        ("a b", "neither an address, nor a network, nor the name of a host"),
        ("n2\nhost all all all trust", "neither an address, nor a network, nor the name of a host"),
    ],
)
def test_an_address_that_nothing_matches(text: str, complaint: str) -> None:
    with pytest.raises(HotStandbyError) as refusal:
        wanted_rules([given(address=text)], resolve)
    assert refusal.value.name == "address_unmatched"
    assert complaint in str(refusal.value)
    assert "Set postgres_address" in str(refusal.value)


def test_one_line_per_address_and_none_twice() -> None:
    rules = wanted_rules([given(), given(address="n3.example.com"), given(address="198.51.100.13"), given()], resolve)
    assert [rule.line() for rule in rules] == [
        "host replication standby 198.51.100.11/32 scram-sha-256",
        "host replication standby 198.51.100.13/32 scram-sha-256",
        "host replication standby 2001:db8::13/128 scram-sha-256",
        "host replication standby fe80::1/128 scram-sha-256",
    ]


def test_options_and_local_lines() -> None:
    rules = wanted_rules(
        [
            given(type="hostssl", method="cert", options={"map": "m 1", "clientname": "DN"}),
            given(type="local", address=None, method="peer"),
        ],
        resolve,
    )
    assert [rule.line() for rule in rules] == [
        'hostssl replication standby 198.51.100.11/32 cert clientname=DN "map=m 1"',
        "local replication standby peer",
    ]


@pytest.mark.parametrize("method", ["trust", "TRUST"])
def test_trust_is_refused(method: str) -> None:
    with pytest.raises(HotStandbyError, match="trust, which lets anybody in") as refusal:
        wanted_rules([given(), given(method=method)], resolve)
    assert refusal.value.name == "trust_refused"


@pytest.mark.parametrize(
    "changes",
    [{"type": "local"}, {"address": None}, {"address": ""}, {"user": ""}, {"user": "a\nb"}, {"type": "hots"}],
)
def test_what_no_line_can_hold_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(HotStandbyError) as refusal:
        wanted_rules([given(**changes)], resolve)
    assert refusal.value.name == "bad_rule"
