# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that PostgreSQL accepts for what an inventory calls anything. Pure."""

from __future__ import annotations

import hashlib
import re

# PostgreSQL: slot names are lower-case letters, digits and underscores, shorter than NAMEDATALEN.
LONGEST_NAME = 63
SLOT_NAME = re.compile(r"[a-z0-9_]{1,63}", re.ASCII)
APPLICATION_NAME = re.compile(r"[ -~]{1,63}")
HOST_NAME = re.compile(r"[a-z0-9-]+", re.ASCII)
HASH_LENGTH = 8


def is_slot_name(name: str) -> bool:
    """Whether PostgreSQL accepts it as the name of a replication slot."""
    return SLOT_NAME.fullmatch(name) is not None


def slot_name(node_name: str, prefix: str) -> str:
    """Return the name of a node's slot: always valid, and another one for every node.

    A lower-case host name stands as it is, with _ for -. Any other name, one with an underscore too, gets a short
    hash, so that db-1 and db_1 never share a slot.
    Raises ValueError for an empty name and for a prefix that is no part of a slot name.
    """
    room = LONGEST_NAME - len(prefix)
    if not is_slot_name(prefix) or room < 2 * HASH_LENGTH:
        raise ValueError(
            f"{prefix!r} cannot begin the names of slots (lower-case letters, digits and _,"
            f" at most {LONGEST_NAME - 2 * HASH_LENGTH})"
        )
    if not node_name:
        raise ValueError("a node without a name has no slot")
    if HOST_NAME.fullmatch(node_name) and len(node_name) <= room:
        return prefix + node_name.replace("-", "_")
    readable = re.sub(r"[^a-z0-9_]", "_", node_name.lower(), flags=re.ASCII)
    return f"{prefix}{readable[: room - HASH_LENGTH - 1]}_{_digest(node_name)}"


def application_name(node_name: str) -> str:
    """Return the application_name with which a node connects to its primary: never cut or changed by a server.

    A name that a server would cut (after 63 bytes) or change (what is not printable ASCII) gets a short hash.
    """
    if APPLICATION_NAME.fullmatch(node_name):
        return node_name
    readable = re.sub(r"[^ -~]", "_", node_name)
    return f"{readable[: LONGEST_NAME - HASH_LENGTH - 1]}_{_digest(node_name)}"


def _digest(node_name: str) -> str:
    return hashlib.sha256(node_name.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_LENGTH]
