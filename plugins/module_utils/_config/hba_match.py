# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line of an access file decides about a connection. Pure.

The first line that matches in type, database, user and address decides (PostgreSQL's documentation, The
pg_hba.conf File). Names that only the server can judge (groups, patterns, host names, samehost and samenet) match
nothing here, so a line with them is never taken for one that decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Union

from .hba_file import HbaEntry, HbaRule

Network = Union[IPv4Network, IPv6Network]

# Kinds of connection that a type covers.
_ENCRYPTIONS = frozenset({"plain", "ssl", "gss"})
_COVERED = {
    "local": frozenset({"local"}),
    "host": _ENCRYPTIONS,
    "hostssl": frozenset({"ssl"}),
    "hostnossl": _ENCRYPTIONS - {"ssl"},
    "hostgssenc": frozenset({"gss"}),
    "hostnogssenc": _ENCRYPTIONS - {"gss"},
}
ANY_ADDRESS = "all"


def network_of(address: str | None, netmask: str | None = None) -> Network | None:
    """The network that an address field means; None for a name or a keyword."""
    if address is None:
        return None
    try:
        if netmask is not None:
            bits = bin(int(ip_address(netmask))).count("1")
            return ip_network(f"{address}/{bits}", strict=False)
        return ip_network(address, strict=False) if "/" in address else None
    except ValueError:
        return None


def shadowing(earlier: Iterable[HbaEntry], rule: HbaRule) -> HbaEntry | None:
    """The first of these lines that takes connections away from a rule behind them, with another method.

    A line that covers only a part of the rule's addresses, databases or users does not count: somebody made an
    exception. One that covers all of them for one kind of encryption does.
    """
    wanted = (rule.method, frozenset(f"{name}={value}" for name, value in rule.options))
    open_kinds = _COVERED.get(rule.type, frozenset())
    for entry in earlier:
        taken = open_kinds & _COVERED.get(entry.type, frozenset())
        if not taken or not _covers(entry, rule):
            continue
        if (entry.method, frozenset(entry.options)) != wanted:
            return entry
        open_kinds = open_kinds - taken
    return None


def _covers(entry: HbaEntry, rule: HbaRule) -> bool:
    return (
        _covers_database(entry.databases, rule)
        and ("all" in entry.users or rule.user in entry.users)
        and _covers_address(entry, rule)
    )


def _covers_database(databases: tuple[str, ...], rule: HbaRule) -> bool:
    if rule.database in databases:
        return True
    if rule.database == "replication":
        return False  # "all" does not match replication connections
    return "all" in databases or ("sameuser" in databases and rule.database == rule.user)


def _covers_address(entry: HbaEntry, rule: HbaRule) -> bool:
    if rule.address is None or entry.address in (ANY_ADDRESS, rule.address):
        return True
    theirs, ours = network_of(entry.address, entry.netmask), network_of(rule.address)
    if isinstance(theirs, IPv4Network) and isinstance(ours, IPv4Network):
        return ours.subnet_of(theirs)
    if isinstance(theirs, IPv6Network) and isinstance(ours, IPv6Network):
        return ours.subnet_of(theirs)
    return False


def is_line_of(entry: HbaEntry, rule: HbaRule) -> bool:
    """Whether a line as the server shows it is the one that was written for a rule."""
    if (entry.type, entry.databases, entry.users) != (rule.type, (rule.database,), (rule.user,)):
        return False
    if entry.method != rule.method:
        return False
    if rule.address is None or entry.address == rule.address:
        return True
    theirs = network_of(entry.address, entry.netmask)
    return theirs is not None and theirs == network_of(rule.address)
