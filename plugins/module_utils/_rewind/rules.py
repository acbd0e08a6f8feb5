# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pg_rewind's words mean, which entries of a data directory it would spoil, and other decisions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.contents import RECOVERY_SIGNAL_FILE
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn

# Why a rewind is impossible. A clone is the way out of each.
HINTS_OFF = "hints_off"
FULL_PAGE_WRITES_OFF = "full_page_writes_off"
WAL_MISSING = "wal_missing"
NO_COMMON_ANCESTOR = "no_common_ancestor"
SAME_TIMELINE = "same_timeline"
UNREADABLE_FILE = "unreadable_file"
DIFFERENT_TYPE = "different_type"
FOREIGN_CONTENT = "foreign_content"
TABLESPACE = "tablespace"
UNFINISHED_BACKUP = "unfinished_backup"
CRASH_RECOVERY_FAILED = "crash_recovery_failed"

# What pg_rewind says when it cannot, in the words of all versions, in English. First match wins.
_IMPOSSIBLE = (
    (r"could not find common ancestor", NO_COMMON_ANCESTOR),
    (r"needs to use either data checksums or .?wal_log_hints", HINTS_OFF),
    (r"could not find previous WAL record", WAL_MISSING),
    (r"could not read WAL record", WAL_MISSING),
    (r"could not restore file .* from archive", WAL_MISSING),
    (r"could not open file .*(pg_wal|pg_xlog)/.*No such file", WAL_MISSING),
    (r"full_page_writes must be enabled", FULL_PAGE_WRITES_OFF),
    (r"is of different type in source and target", DIFFERENT_TYPE),
    (r"could not (open|read|stat|fstat) (file|directory) .*Permission denied", UNREADABLE_FILE),
)
_DIVERGED = re.compile(r"servers diverged at WAL (?:location|position) ([0-9A-F]+/[0-9A-F]+) on timeline (\d+)")
_SIZE = re.compile(r"need to copy (\d+) MB")

# Of the source, or of the target's time as a primary.
STALE_FILES = ("recovery.done", RECOVERY_SIGNAL_FILE, "backup_label.old", "tablespace_map.old")


@dataclass(frozen=True)
class Impossible:
    """Why there can be no rewind: one of the names above, and the sentence."""

    name: str
    message: str


@dataclass(frozen=True)
class RewindOutput:
    """What pg_rewind told. copying: it had begun to change the target. size: bytes to copy, to the megabyte."""

    fork_lsn: Lsn | None
    fork_timeline: int | None
    not_needed: bool
    copying: bool
    size: int | None


def read_output(text: str) -> RewindOutput:
    """Read what pg_rewind printed, on whichever channel."""
    fork, size = _DIVERGED.search(text), _SIZE.search(text)
    return RewindOutput(
        fork_lsn=Lsn.parse(fork.group(1)) if fork else None,
        fork_timeline=int(fork.group(2)) if fork else None,
        not_needed="no rewind required" in text,
        copying="rewinding from last common checkpoint" in text,
        size=int(size.group(1)) * 1024 * 1024 if size else None,
    )


def why_impossible(text: str) -> str | None:
    """The short name of why pg_rewind cannot, None when its complaint is another one."""
    return next((name for pattern, name in _IMPOSSIBLE if re.search(pattern, text)), None)


def missing_wal(text: str) -> str | None:
    """The WAL file that pg_rewind wanted and did not find."""
    found = re.search(r"could not open file .*/([0-9A-F]{24})\b.*No such file", text)
    return found.group(1) if found else None


def restore_text(command: str, name: str, path: str) -> str:
    """The restore command for one file; path is relative to the data directory."""
    values = {"p": path, "f": name, "r": name, "%": "%"}
    return re.sub(r"%([pfr%])", lambda found: values[found.group(1)], command)


def archive_text(command: str, name: str, wal_directory: str) -> str:
    """The archive command for one file, as the server writes it (its working directory is the data directory)."""
    values = {"p": f"{wal_directory}/{name}", "f": name, "%": "%"}
    return re.sub(r"%([pf%])", lambda found: values[found.group(1)], command)


def waiting_for_archive(names: Iterable[str]) -> tuple[str, ...]:
    """The files that wait to be archived, from the names in archive_status; histories first, as the server does."""
    waiting = [name[: -len(".ready")] for name in names if name.endswith(".ready")]
    return tuple(sorted(waiting, key=lambda name: (not name.endswith(".history"), name)))


def is_archiving(settings: Mapping[str, str]) -> bool:
    """Whether the server archives. settings: what its files say."""
    return settings.get("archive_mode", "off").lower() in ("on", "always", "true", "yes", "1")


def tablespace_obstacle(
    source: Mapping[str, str], links: Mapping[str, str], entries: Mapping[str, Iterable[str] | None], *, is_local: bool
) -> str | None:
    """Why pg_rewind could not go on with the tablespaces.

    source: locations there by oid. links: where the target's links lead, by oid. entries: what lies in a directory
    of the target (None: it does not exist). is_local: whether the source runs on this very host.
    """
    for oid, location in source.items():
        if oid in links:
            if is_local and links[oid] == location:
                return f"the source runs on this very host and keeps its tablespace in {location} too"
            continue
        # it came after the fork, and pg_rewind makes a link to the same place here
        if is_local:
            return f"the source runs on this very host and has a new tablespace in {location}"
        found = entries.get(location)
        if found is None:
            return f"the source has a new tablespace in {location}, which does not exist on this host"
        if list(found):
            return f"the source has a new tablespace in {location}, where something else lies on this host"
    return None
