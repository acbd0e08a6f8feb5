# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes to make an instance, and what is in the way. Pure, but for the look at the directories.

A new data directory and Debian's configuration are made in a scratch directory next to the real one, which then
gets its name by a rename. The scratch directory goes last: as long as it is there, a run was cut off.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    acting_as_owner_of,
    read_regular,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

SCRATCH_SUFFIX = ".hotstandby-instance"
# initdb would refuse it, and a base backup could not read it
LOST_AND_FOUND = "lost+found"
SHOWN_ENTRIES = 5


@dataclass(frozen=True)
class WantedInstance:
    """The parameters. initialised: with an empty cluster, not just with Debian's configuration files."""

    debian: bool
    initialised: bool
    version: str
    instance: str
    data_directory: str
    config_directory: str
    wal_directory: str | None
    port: int
    socket_directory: str
    owner: str | None
    data_checksums: bool
    encoding: str
    locale: str
    extra_initdb: tuple[str, ...]

    @property
    def real_directory(self) -> str:
        """The data directory itself, where its path is a link to it."""
        return os.path.realpath(self.data_directory)

    @property
    def scratch(self) -> str:
        return scratch_of(self.data_directory)

    @property
    def scratch_data(self) -> str:
        return os.path.join(self.scratch, "data")

    @property
    def conf_file(self) -> str:
        return os.path.join(self.config_directory, "postgresql.conf")


def scratch_of(data_directory: str) -> str:
    """Where an instance is made until it is whole."""
    return os.path.realpath(data_directory) + SCRATCH_SUFFIX


def creation_was_cut_off(data_directory: str) -> bool:
    """Whether a run that made this instance did not come to its end: module instance finishes it."""
    return os.path.lexists(scratch_of(data_directory))


@dataclass(frozen=True)
class Look:
    """What is there. major is that of the data directory, None when it holds no cluster."""

    entries: tuple[str, ...]
    major: str | None
    has_conf: bool
    conf_data_directory: str | None
    has_scratch: bool
    has_scratch_data: bool


def look_at(wanted: WantedInstance) -> Look:
    """Raises HotStandbyError "cannot_read" when this user may not."""
    try:
        conf = _read(wanted.conf_file) if wanted.debian else None
        with acting_as_owner_of(wanted.data_directory):
            entries = os.listdir(wanted.data_directory) if os.path.exists(wanted.data_directory) else []
        version = _read(os.path.join(wanted.data_directory, "PG_VERSION"))
    except OSError as error:
        raise HotStandbyError(
            "cannot_read",
            f"cannot read {error.filename}: {error.strerror}",
            "Run as root (layout debian) or as the owner of the data directory",
        ) from None
    return Look(
        entries=tuple(sorted(entries)),
        major=version.strip() if version is not None else None,
        has_conf=conf is not None,
        conf_data_directory=ConfFile.parse(conf).get("data_directory") if conf is not None else None,
        has_scratch=os.path.lexists(wanted.scratch),
        has_scratch_data=os.path.lexists(wanted.scratch_data),
    )


@dataclass(frozen=True)
class Work:
    """What to do, in this order.

    discard: what a run that was cut off left: the scratch directory and, with it, a configuration that points there.
    """

    discard: bool = False
    discard_conf: bool = False
    make_data: bool = False
    make_conf: bool = False
    point_conf: bool = False
    remove_scratch: bool = False

    @property
    def needed(self) -> bool:
        return self != Work()


def plan_instance(wanted: WantedInstance, look: Look) -> Work:
    """Decide what to do. Raises HotStandbyError "other_version", "other_data_directory" or "not_empty"."""
    if not wanted.debian and not wanted.initialised:
        return Work()
    if look.major is not None and look.major != Dialect.for_version(wanted.version).major:
        raise HotStandbyError(
            "other_version",
            f"{wanted.data_directory} holds a cluster of version {look.major}, not {wanted.version}",
            "Correct postgres_version or postgres_data_directory",
        )
    unfinished = look.has_conf and look.conf_data_directory in (None, wanted.scratch_data) and look.has_scratch
    if look.has_conf and not unfinished:
        _require_same_directory(wanted, look)
    make_data = wanted.initialised and look.major is None
    if make_data:
        _require_empty(wanted, look)
    if unfinished and look.major is not None and not look.has_scratch_data:
        # everything was made and moved to its place; all that is missing is the last line
        return Work(point_conf=True, remove_scratch=True)
    make_conf = wanted.debian and (unfinished or not look.has_conf)
    if not make_data and not make_conf:
        return Work(remove_scratch=look.has_scratch)
    return Work(
        discard=look.has_scratch,
        discard_conf=unfinished,
        make_data=make_data,
        make_conf=make_conf,
        point_conf=make_conf,
        remove_scratch=True,
    )


def _require_same_directory(wanted: WantedInstance, look: Look) -> None:
    found = look.conf_data_directory
    if found is None or os.path.realpath(found) == wanted.real_directory:
        return
    raise HotStandbyError(
        "other_data_directory",
        f"{wanted.conf_file} belongs to the data directory {found}, not to {wanted.data_directory}",
        "Correct postgres_data_directory, or choose another postgres_instance",
    )


def _require_empty(wanted: WantedInstance, look: Look) -> None:
    if not look.entries:
        return
    if look.entries == (LOST_AND_FOUND,):
        raise HotStandbyError(
            "not_empty",
            f"{wanted.data_directory} is the top of a file system (it holds {LOST_AND_FOUND}),"
            " where no cluster can be made",
            "Set postgres_data_directory to a directory below it",
        )
    shown = ", ".join(look.entries[:SHOWN_ENTRIES])
    more = f" and {len(look.entries) - SHOWN_ENTRIES} more" if len(look.entries) > SHOWN_ENTRIES else ""
    raise HotStandbyError(
        "not_empty",
        f"{wanted.data_directory} is not empty (it holds {shown}{more}), so no cluster is made there",
        "Move what is there away, or correct postgres_data_directory",
    )


def initdb_options(wanted: WantedInstance, dialect: Dialect) -> list[str]:
    """The options of initdb, without the directory. Never trust: peer on the socket, a password elsewhere."""
    options = [
        "--auth-local=peer",
        f"--auth-host={'scram-sha-256' if dialect.has_scram else 'md5'}",
        f"--encoding={wanted.encoding}",
        f"--locale={wanted.locale}",
    ]
    if wanted.data_checksums:
        options.append("--data-checksums")
    elif dialect.checksums_by_default:
        options.append("--no-data-checksums")
    if wanted.wal_directory and wanted.initialised:
        options.append(f"{dialect.waldir_option}={wanted.wal_directory}")
    return [*options, *wanted.extra_initdb]


def _read(path: str) -> str | None:
    try:
        return read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
