# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries of a directory that was moved aside are PostgreSQL's, so that nobody misses them. Pure.

What is not known here counts as somebody's: it costs room, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import (
    CONFIGURATION,
    HIDDEN,
    OWN_ENTRIES,
    PROMOTION_MARKER,
    SIGNALS,
)

FILE, DIRECTORY, LINK, OTHER = "file", "directory", "link", "other"

# Kinds of directory that are moved aside.
DATA, WAL, TABLESPACE = "data", "wal", "tablespace"

LOGS = ("log", "pg_log")
_TOP_FILES = frozenset({*CONFIGURATION, *SIGNALS, PROMOTION_MARKER, "autoprewarm.blocks", "autoprewarm.blocks.tmp"})
# Those of the server, and those of this collection, but for a directory that was moved aside before.
_TEMPORARY = r"pgsql_tmp(?:[\d.]*(?:fileset|sharedfileset)?|\.hotstandby-(?!old-)[^/]*)(?:/.*)?"
_RELATION = r"(?:t\d+_)?\d+(?:_(?:fsm|vm|init))?(?:\.\d+)?"
_DATABASE = rf"(?:{_RELATION}|PG_VERSION|pg_filenode\.map|pg_internal\.init(?:\.\d+)?)"
_DATABASES = rf"\d+(?:/{_DATABASE})?"
_SEGMENT = r"[0-9A-F]{4,15}"
_WAL = (
    r"[0-9A-F]{24}(?:\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history(?:\.partial)?"
    r"|archive_status(?:/[0-9A-Z.a-z]+\.(?:ready|done))?|summaries(?:/[0-9A-F]{40}\.summary|/temp\.summary)?"
    r"|xlogtemp\..*|RECOVERYXLOG|RECOVERYHISTORY"
)
_ANY = r"[^/]*"
_BELOW = {
    name: re.compile(pattern)
    for name, pattern in {
        "base": _DATABASES,
        "global": rf"{_DATABASE}|pg_control",
        **dict.fromkeys(("pg_clog", "pg_commit_ts", "pg_notify", "pg_serial", "pg_subtrans", "pg_xact"), _SEGMENT),
        "pg_multixact": rf"(?:members|offsets)(?:/{_SEGMENT})?",
        "pg_logical": r"(?:mappings|snapshots)(?:/[^/]*)?|replorigin_checkpoint(?:\.tmp)?",
        "pg_replslot": r"[^/]*(?:/[^/]*)?",
        "pg_tblspc": r"\d+",
        **dict.fromkeys(("pg_wal", "pg_xlog"), _WAL),
        **dict.fromkeys(("pg_dynshmem", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_twophase", *LOGS), _ANY),
    }.items()
}


def kind_of(names: Collection[str]) -> str:
    """What the directory with these entries was."""
    if {*names} & {*OWN_ENTRIES, *_TOP_FILES}:
        return DATA
    return TABLESPACE if any(name.startswith("PG_") for name in names) else WAL


def is_servers(kind: str, path: str, what: str) -> bool:
    """Whether an entry is PostgreSQL's. path is relative to the directory; what: file, directory, link or other."""
    if kind == WAL:
        path = f"pg_wal/{path}"
    elif kind == TABLESPACE:
        if not path.startswith("PG_"):
            return False
        path = "/".join(["base", *path.split("/")[1:]])
    top, below = path.partition("/")[::2]
    if what == OTHER:
        return False
    if what == LINK:
        return path in ("pg_wal", "pg_xlog") or (top == "pg_tblspc" and below.isdigit())
    if re.search(rf"(?:^|/){_TEMPORARY}$", path):
        return True
    if not below:
        return top in _BELOW if what == DIRECTORY else top.replace(HIDDEN, "") in _TOP_FILES or top in OWN_ENTRIES
    return top in _BELOW and bool(_BELOW[top].fullmatch(below))
