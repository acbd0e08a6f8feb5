# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what the disk of a dead primary holds. Changes nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import find_wreck
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import plain_errors, text_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import server_processes
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import running_postmaster
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.wal_reader import end_of_wal, flaw_of_file
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.control_file import Control
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import (
    Dialect,
    dialect_for,
    same_major,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_segments import (
    Segment,
    newest_timeline,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for


@dataclass(frozen=True)
class DeadCluster:
    """The files of a cluster whose server does not run."""

    commands: Commands
    dialect: Dialect
    control: Control
    wal_directory: str
    segment_size: int

    @classmethod
    def at(cls, directory: str, commands: Commands, version: str | None) -> DeadCluster:
        """Read its control file. version: its major version, None for whichever.

        Raises HotStandbyError "not_a_cluster", "version_mismatch" and "control_file".
        """
        with plain_errors():
            major = (text_of(os.path.join(directory, "PG_VERSION")) or "").strip()
        wreck = find_wreck(directory)
        if not major or wreck:
            raise HotStandbyError(
                "not_a_cluster",
                f"{directory} on this host is {wreck or 'not the data directory of a cluster'}",
                "Correct postgres_data_directory",
            )
        dialect = dialect_for(major)
        if version and not same_major(version, dialect):
            raise HotStandbyError(
                "version_mismatch",
                f"the cluster in {directory} is PostgreSQL {major}, not {version}",
                "Correct postgres_version or postgres_data_directory",
            )
        raw = commands.control_data(directory)
        wal_directory = os.path.join(directory, dialect.wal_directory)
        return cls(commands, dialect, Control.parse(raw), wal_directory, int(raw["Bytes per WAL segment"]))

    def check(self, timeline: int, system_identifier: str | None) -> None:
        """Raise HotStandbyError "other_system" or "other_timeline" when it is not the WAL that is looked for."""
        if system_identifier and system_identifier != self.control.system_identifier:
            raise HotStandbyError(
                "other_system",
                f"the cluster on this host is {self.control.system_identifier}, not {system_identifier}",
                "Its WAL is of no use to the candidate: correct postgres_data_directory, or go on without it",
            )
        with plain_errors():
            newest = newest_timeline(os.listdir(self.wal_directory))
        last = max(self.control.newest_timeline, newest)
        if (last, self.control.timeline) != (timeline, timeline):
            raise HotStandbyError(
                "other_timeline",
                f"the WAL on this host is of timeline {last} (its last checkpoint of {self.control.timeline}),"
                f" and the candidate is on timeline {timeline}",
                "What this host has cannot be replayed by the candidate: go on without it",
            )

    def end(self) -> Lsn:
        """The end of the last whole record. Raises HotStandbyError "wal_end_unknown" and "missing_program"."""
        end = end_of_wal(self.commands, self.dialect, self.control, self.wal_directory, self.segment_size)
        if end is None:
            raise HotStandbyError(
                "wal_end_unknown",
                f"{self.dialect.waldump_program} cannot tell where the WAL in {self.wal_directory} ends",
                "Its files are damaged, or gone from the last checkpoint on: go on without it",
            )
        return end

    def flaw(self, segment: Segment, timeline: int) -> str | None:
        """Why a segment is not there as it should be; None when it is."""
        path = os.path.join(self.wal_directory, segment.name)
        try:
            return flaw_of_file(path, segment, timeline, self.control.system_identifier)
        except OSError as error:
            return error.strerror or str(error)


def wait_until_dead(data_directory: str, timeout_seconds: int) -> float:
    """Refuse a server that runs; wait for the last processes of one that was killed, which may still write.

    Raises HotStandbyError "server_running".
    """
    running = running_postmaster(data_directory)
    if running is not None:
        raise HotStandbyError(
            "server_running",
            f"a server runs in {data_directory} (process {running.pid}): what it wrote is asked for by streaming",
            "Stop it first, or switch over with switchover.yml",
        )
    waited = wait_for(lambda: not server_processes(data_directory), timeout_seconds)
    if waited is None:
        left = ", ".join(map(str, server_processes(data_directory)))
        raise HotStandbyError(
            "server_running",
            f"the postmaster of {data_directory} is gone, but after {timeout_seconds} s processes of its server are"
            f" left and may still write ({left})",
            "End them (kill) and run this again",
        )
    return waited
