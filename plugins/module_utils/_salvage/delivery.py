# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: takes the segments of a dead primary over into the WAL of a standby, which replays them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.wal_reader import flaw_of_file
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.lsn import Lsn
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.wal_segments import (
    Segment,
    segment_named,
    segments_between,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.server_processes import receiver_process
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.standby import StandbyServer
from ansible_collections.hotstandby.postgresql.plugins.module_utils._server.stream import Stream
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for

from .wal_place import same_bytes


@dataclass(frozen=True)
class Delivery:
    """The segments in the source directory, and how far the candidate's own WAL goes."""

    server: StandbyServer
    directory: str
    segments: tuple[Segment, ...]
    position: Lsn

    @classmethod
    def checked(
        cls, server: StandbyServer, directory: str, position: Lsn, end: Lsn, timeline: int, expected_system: str | None
    ) -> Delivery:
        """Look through all files. Raises HotStandbyError "bad_segment" and "other_system"."""
        control = server.commands.control_data(server.data_directory)
        size, system = int(control["Bytes per WAL segment"]), control["Database system identifier"]
        if expected_system and expected_system != system:
            raise HotStandbyError(
                "other_system",
                f"the cluster in {server.data_directory} is {system}, not {expected_system}",
                "Correct postgres_data_directory",
            )
        names = sorted(os.listdir(directory))
        segments = []
        for name in names:
            path = os.path.join(directory, name)
            segment = segment_named(name, timeline, size)
            if segment is None:
                raise _bad(path, f"this is not the name of a segment of timeline {timeline}")
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise _bad(path, "this is not a regular file")
            flaw = flaw_of_file(path, segment, timeline, system)
            if flaw is not None:
                raise _bad(path, flaw)
            segments.append(segment)
        for segment in segments_between(timeline, position, end, size):
            if segment.name not in names:
                raise _bad(os.path.join(directory, segment.name), "it is needed, and not there")
        return cls(server, directory, tuple(segments), position)

    def source(self, segment: Segment) -> str:
        return os.path.join(self.directory, segment.name)

    def target(self, segment: Segment) -> str:
        return os.path.join(self.server.wal_directory, segment.name)

    def compare(self) -> None:
        """Raise HotStandbyError "wal_differs" unless all that the candidate has is the same there."""
        for segment in self.segments:
            known = segment.before(self.position)
            target = self.target(segment)
            if known and os.path.exists(target) and not same_bytes(self.source(segment), target, known):
                raise HotStandbyError(
                    "wal_differs",
                    f"{target} differs from {self.source(segment)} before {min(self.position, segment.end)}, up to"
                    " where this standby has WAL; nothing was replaced",
                    "The two have diverged, or a file is damaged: go on without that WAL",
                )

    def to_install(self, end: Lsn) -> tuple[Segment, ...]:
        """Those that hold what the candidate has not, and are not in place already."""
        return tuple(
            segment
            for segment in self.segments
            if self.position < segment.end and segment.start < end and not self._in_place(segment)
        )

    def _in_place(self, segment: Segment) -> bool:
        target = self.target(segment)
        if not os.path.exists(target) or os.path.getsize(target) != segment.size:
            return False
        return same_bytes(self.source(segment), target, segment.size)


def check_standby(server: StandbyServer, timeline: int) -> Stream:
    """Raise HotStandbyError "not_a_standby" or "other_timeline" when that WAL is nothing for this server."""
    seen = server.look()
    if not seen.in_recovery:
        raise HotStandbyError(
            "not_a_standby",
            f"the server at {server.session.target} is not in recovery: it is a primary, and takes no WAL over",
            "Run status.yml to see the cluster as it is",
        )
    now = server.timeline()
    if now != timeline:
        raise HotStandbyError(
            "other_timeline",
            f"the server at {server.session.target} is on timeline {now}, and the WAL is of timeline {timeline}",
            "It cannot be replayed here: go on without it",
        )
    return seen


def check_still(server: StandbyServer, seen: Stream) -> None:
    """Raise HotStandbyError "still_streaming" or "replay_paused" for a standby that must be left alone, or stands."""
    receives = seen.streaming
    if server.dialect.primary_conninfo_reloads:
        # before 13 only a restart takes the upstream away: there it may try in vain
        attached = bool(server.session.value("SELECT pg_catalog.current_setting('primary_conninfo')"))
        receives = attached or receiver_process(server.data_directory) is not None
    if receives:
        raise HotStandbyError(
            "still_streaming",
            "this standby streams from an upstream, or tries to: its WAL must not change while files are replaced",
            "Detach it first, as failover.yml does: run that again",
        )
    if server.paused():
        raise HotStandbyError(
            "replay_paused",
            f"the replay of this standby is paused at {seen.replayed}, so what is brought over would not be replayed",
            f"Resume it with SELECT {server.dialect.replay_resume_function}()",
        )


def check_same(server: StandbyServer, before: Stream) -> None:
    """The last look before files are replaced. Raises HotStandbyError "still_streaming"."""
    now = server.look()
    check_still(server, now)
    if now.received != before.received:
        raise HotStandbyError(
            "still_streaming",
            f"this standby has received WAL up to {now.received} meanwhile; nothing was replaced",
            "Detach it first, as failover.yml does: run that again",
        )


def replay(server: StandbyServer, end: Lsn, timeout_seconds: int) -> Stream:
    """Wait until it is replayed up to end. Raises HotStandbyError "not_replayed"."""
    # a reload wakes the startup process, which else looks again only after wal_retrieve_retry_interval
    server.session.execute("SELECT pg_catalog.pg_reload_conf()")
    if wait_for(lambda: (server.look().replayed or Lsn(0)) >= end, timeout_seconds) is None:
        raise HotStandbyError(
            "not_replayed",
            f"after {timeout_seconds} s this standby has replayed {server.look().replayed} and not {end},"
            " though the WAL was brought over",
            "See its server's log; raise the timeout and run this again, or go on without the rest",
        )
    return server.look()


def _bad(path: str, why: str) -> HotStandbyError:
    return HotStandbyError("bad_segment", f"{path}: {why}; nothing was replaced", "Copy the segments once more")
