# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what is there of an instance that is wanted. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    acting_as_owner_of,
    read_regular,
)

SCRATCH_SUFFIX = ".hotstandby-instance"


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
class InstanceOnDisk:
    """What is there. major is that of the data directory, None when it holds no cluster."""

    entries: tuple[str, ...]
    major: str | None
    has_conf: bool
    conf_data_directory: str | None
    has_scratch: bool
    has_scratch_data: bool


def look_at(wanted: WantedInstance) -> InstanceOnDisk:
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
    return InstanceOnDisk(
        entries=tuple(sorted(entries)),
        major=version.strip() if version is not None else None,
        has_conf=conf is not None,
        conf_data_directory=ConfFile.parse(conf).get("data_directory") if conf is not None else None,
        has_scratch=os.path.lexists(wanted.scratch),
        has_scratch_data=os.path.lexists(wanted.scratch_data),
    )


def _read(path: str) -> str | None:
    try:
        return read_regular(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
