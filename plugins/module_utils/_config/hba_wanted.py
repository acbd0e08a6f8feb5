# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the rules that a playbook gives to lines: names become addresses, refusals come early."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError

from .hba_file import HbaRule

ADDRESS_KEYWORDS = frozenset({"all", "samehost", "samenet"})
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")

# Name of a host to its addresses, as this node resolves it. Raises OSError.
Resolve = Callable[[str], Iterable[str]]


def wanted_rules(given: Iterable[Mapping[str, Any]], resolve: Resolve) -> list[HbaRule]:
    """One rule per address, in the order given, none twice.

    given: dicts with type, database, user, address, method and options. Raises HotStandbyError
    "trust_refused", "address_unmatched" or "bad_rule".
    """
    rules: dict[HbaRule, None] = {}
    for item in given:
        if item["method"].lower() == "trust":
            raise HotStandbyError(
                "trust_refused",
                f"the access rule for {item['user']} at {item['address'] or 'the local socket'} has the method"
                " trust, which lets anybody in",
                "Use scram-sha-256 (or peer, or cert)",
            )
        for address in addresses(item["address"], resolve) if item["address"] else [None]:
            options = tuple(sorted((str(name), str(value)) for name, value in (item["options"] or {}).items()))
            rule = HbaRule(item["type"], item["database"], item["user"], address, item["method"], options)
            _check(rule)
            rules[rule] = None
    return list(rules)


def _check(rule: HbaRule) -> None:
    try:
        rule.line()
    except ValueError as error:
        raise HotStandbyError("bad_rule", f"an access rule cannot be written: {error}", "Correct it") from error


def addresses(text: str, resolve: Resolve) -> list[str]:
    """The address fields for an address, a network, a keyword or a host name.

    Raises HotStandbyError "address_unmatched" for a name that this node cannot resolve.
    """
    if text in ADDRESS_KEYWORDS:
        return [text]
    try:
        if "/" in text:
            return [str(ip_network(text, strict=False))]
        return [_single(text)]
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(text):
        raise HotStandbyError(
            "address_unmatched",
            f"{text!r} is neither an address, nor a network, nor the name of a host",
            "Set postgres_address of that host to its IP address",
        )
    try:
        found = sorted({_single(address) for address in resolve(text)})
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise HotStandbyError(
            "address_unmatched",
            f"this host cannot resolve {text} ({reason}), so no access rule can match it",
            f"Set postgres_address of {text} to its IP address, or make the name known on this host",
        ) from error
    if not found:
        raise HotStandbyError(
            "address_unmatched",
            f"{text} has no address on this host, so no access rule can match it",
            f"Set postgres_address of {text} to its IP address, or make the name known on this host",
        )
    return found


def _single(text: str) -> str:
    # an access rule knows no zones (fe80::1%eth0)
    address = ip_address(text.split("%")[0])
    return f"{address}/{address.max_prefixlen}"
