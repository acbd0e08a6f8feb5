# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it takes to make an instance: one table, and what every plan has in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.look import InstanceOnDisk, WantedInstance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.plan import (
    InstanceWork,
    initdb_options,
    plan_instance,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import Dialect

REAL = "/nonexistent/data"
SCRATCH = "/nonexistent/data.hotstandby-instance/data"
DEBIAN = WantedInstance(
    debian=True,
    initialised=True,
    version="15",
    instance="main",
    data_directory=REAL,
    config_directory="/etc/postgresql/15/main",
    wal_directory=None,
    port=5432,
    socket_directory="/run/postgresql",
    owner="postgres",
    data_checksums=True,
    encoding="UTF8",
    locale="C",
    extra_initdb=(),
)
STANDBY = replace(DEBIAN, initialised=False)
PLAIN = replace(DEBIAN, debian=False, config_directory=REAL)
NOTHING = InstanceOnDisk((), None, False, None, False, False)
DATA = replace(NOTHING, entries=("PG_VERSION", "base"), major="15")


def conf(directory: str | None, look: InstanceOnDisk = NOTHING) -> InstanceOnDisk:
    return replace(look, has_conf=True, conf_data_directory=directory)


def scratch(look: InstanceOnDisk = NOTHING, data: bool = True) -> InstanceOnDisk:
    return replace(look, has_scratch=True, has_scratch_data=data)


EVERYTHING = InstanceWork(make_data=True, make_conf=True, point_conf=True, remove_scratch=True)
CONFIGURATION = replace(EVERYTHING, make_data=False)
CLUSTER = InstanceWork(make_data=True, remove_scratch=True)
NO_WORK = InstanceWork()


@pytest.mark.parametrize(
    ("wanted", "look", "work"),
    [
        (DEBIAN, NOTHING, EVERYTHING),
        (DEBIAN, conf(REAL, DATA), NO_WORK),
        (DEBIAN, DATA, CONFIGURATION),
        (DEBIAN, conf(REAL), CLUSTER),
        (STANDBY, NOTHING, CONFIGURATION),
        (STANDBY, DATA, CONFIGURATION),
        (STANDBY, conf(REAL), NO_WORK),
        (STANDBY, conf(REAL, DATA), NO_WORK),
        (PLAIN, NOTHING, CLUSTER),
        (PLAIN, DATA, NO_WORK),
        (replace(PLAIN, initialised=False), NOTHING, NO_WORK),
        # cut off: before there was a configuration, while it was made, after it was made
        (DEBIAN, scratch(), replace(EVERYTHING, discard=True)),
        (DEBIAN, scratch(conf(None)), replace(EVERYTHING, discard=True, discard_conf=True)),
        (DEBIAN, scratch(conf(SCRATCH)), replace(EVERYTHING, discard=True, discard_conf=True)),
        (STANDBY, scratch(conf(SCRATCH)), replace(CONFIGURATION, discard=True, discard_conf=True)),
        # after the rename, after the configuration was pointed at it
        (DEBIAN, scratch(conf(SCRATCH, DATA), data=False), InstanceWork(point_conf=True, remove_scratch=True)),
        (DEBIAN, scratch(conf(REAL, DATA), data=False), InstanceWork(remove_scratch=True)),
        (STANDBY, scratch(conf(REAL)), InstanceWork(remove_scratch=True)),
        (STANDBY, scratch(conf(REAL), data=False), InstanceWork(remove_scratch=True)),
        (PLAIN, scratch(), replace(CLUSTER, discard=True)),
        (PLAIN, scratch(DATA, data=False), InstanceWork(remove_scratch=True)),
    ],
)
def test_plan(wanted: WantedInstance, look: InstanceOnDisk, work: InstanceWork) -> None:
    assert plan_instance(wanted, look) == work


@pytest.mark.parametrize(
    ("wanted", "look", "name", "words"),
    [
        (PLAIN, replace(NOTHING, entries=("a", "b")), "not_empty", "it holds a, b)"),
        (PLAIN, replace(NOTHING, entries=tuple("abcdefg")), "not_empty", "a, b, c, d, e and 2 more"),
        (PLAIN, replace(NOTHING, entries=("lost+found",)), "not_empty", "top of a file system"),
        (DEBIAN, replace(NOTHING, entries=("a",)), "not_empty", "it holds a)"),
        (DEBIAN, scratch(replace(NOTHING, entries=("a",))), "not_empty", "it holds a)"),
        (PLAIN, replace(DATA, major="14"), "version_mismatch", "version 14, not 15"),
        (STANDBY, replace(DATA, major="14"), "version_mismatch", "version 14, not 15"),
        (DEBIAN, conf("/elsewhere", DATA), "other_data_directory", "/elsewhere"),
        # not ours: nothing of a run of ours is there
        (STANDBY, conf(SCRATCH), "other_data_directory", SCRATCH),
    ],
)
def test_what_is_refused(wanted: WantedInstance, look: InstanceOnDisk, name: str, words: str) -> None:
    with pytest.raises(HotStandbyError) as caught:
        plan_instance(wanted, look)
    assert caught.value.name == name
    assert words in str(caught.value)


LOOKS = st.builds(
    InstanceOnDisk,
    entries=st.sampled_from([(), ("PG_VERSION",), ("a",), ("lost+found",)]),
    major=st.sampled_from([None, "15"]),
    has_conf=st.booleans(),
    conf_data_directory=st.sampled_from([None, REAL, SCRATCH, "/elsewhere"]),
    has_scratch=st.booleans(),
    has_scratch_data=st.booleans(),
)


@given(st.sampled_from([DEBIAN, STANDBY, PLAIN]), LOOKS)
def test_nothing_that_is_not_ours_is_taken_away(wanted: WantedInstance, look: InstanceOnDisk) -> None:
    try:
        work = plan_instance(wanted, look)
    except HotStandbyError:
        return
    # a configuration goes only if it belongs to the scratch directory, which only a run of ours leaves
    if work.discard_conf:
        assert look.has_scratch
        assert look.conf_data_directory in (None, SCRATCH)
    # a cluster is made only where nothing is
    if work.make_data:
        assert look.major is None
        assert look.entries == ()
    assert work.discard <= look.has_scratch
    assert work.remove_scratch or not look.has_scratch or not work.make_conf


@pytest.mark.parametrize(
    ("version", "changes", "options"),
    [
        ("15", {}, ["--auth-host=scram-sha-256", "--data-checksums"]),
        ("9.6", {}, ["--auth-host=md5", "--data-checksums"]),
        ("15", {"data_checksums": False}, ["--auth-host=scram-sha-256"]),
        ("18", {"data_checksums": False}, ["--auth-host=scram-sha-256", "--no-data-checksums"]),
        ("10", {"wal_directory": "/w"}, ["--auth-host=scram-sha-256", "--data-checksums", "--waldir=/w"]),
        ("9.6", {"wal_directory": "/w"}, ["--auth-host=md5", "--data-checksums", "--xlogdir=/w"]),
        (
            "15",
            {"extra_initdb": ("--wal-segsize=1",)},
            ["--auth-host=scram-sha-256", "--data-checksums", "--wal-segsize=1"],
        ),
    ],
)
def test_options_of_initdb(version: str, changes: dict[str, Any], options: list[str]) -> None:
    found = initdb_options(replace(PLAIN, **changes), Dialect.for_version(version))
    assert found[0] == "--auth-local=peer"
    assert [option for option in found[1:] if not option.startswith(("--encoding", "--locale"))] == options
