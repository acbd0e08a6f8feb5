# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes to make an instance, and what is in the way. Changes nothing.

A new data directory and Debian's configuration are made in a scratch directory next to the real one, which then
gets its name by a rename. The scratch directory goes last: as long as it is there, a run was cut off.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

from .look import InstanceOnDisk, WantedInstance

# initdb would refuse it, and a base backup could not read it
LOST_AND_FOUND = "lost+found"
SHOWN_ENTRIES = 5


@dataclass(frozen=True)
class InstanceWork:
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
        return self != InstanceWork()


def plan_instance(wanted: WantedInstance, look: InstanceOnDisk) -> InstanceWork:
    """Decide what to do. Raises HotStandbyError "version_mismatch", "other_data_directory" or "not_empty"."""
    if not wanted.debian and not wanted.initialised:
        return InstanceWork()
    if look.major is not None and look.major != Dialect.for_version(wanted.version).major:
        raise HotStandbyError(
            "version_mismatch",
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
        return InstanceWork(point_conf=True, remove_scratch=True)
    make_conf = wanted.debian and (unfinished or not look.has_conf)
    if not make_data and not make_conf:
        return InstanceWork(remove_scratch=look.has_scratch)
    return InstanceWork(
        discard=look.has_scratch,
        discard_conf=unfinished,
        make_data=make_data,
        make_conf=make_conf,
        point_conf=make_conf,
        remove_scratch=True,
    )


def _require_same_directory(wanted: WantedInstance, look: InstanceOnDisk) -> None:
    found = look.conf_data_directory
    if found is None or os.path.realpath(found) == wanted.real_directory:
        return
    raise HotStandbyError(
        "other_data_directory",
        f"{wanted.conf_file} belongs to the data directory {found}, not to {wanted.data_directory}",
        "Correct postgres_data_directory, or choose another postgres_instance",
    )


def _require_empty(wanted: WantedInstance, look: InstanceOnDisk) -> None:
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
