# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: whether a clone or a rewind works on a data directory, which need not be there yet. Changes nothing."""

from __future__ import annotations

import fcntl
import os

from ansible_collections.hotstandby.postgresql.plugins.module_utils import _node
from ansible_collections.hotstandby.postgresql.plugins.module_utils._datadir.find import both_places, find_marker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.processes import find_strays
from ansible_collections.hotstandby.postgresql.plugins.module_utils._waiting import wait_for


def work_under_way(data_directory: str) -> str | None:
    """_node.CLONING or _node.REWINDING while the lock of the directory is held, else None."""
    places = both_places(data_directory)
    if not any(_is_held(place.lock) for place in places):
        return None
    try:
        marked = find_marker(data_directory) is not None
    except HotStandbyError:
        marked = True  # only clones leave that marker
    return _node.CLONING if marked or any(find_strays(place.side) for place in places) else _node.REWINDING


def await_rewind(data_directory: str, seconds: float) -> None:
    """Give a rewind that is under way so long to end. Most take less, and the node need not be refused then."""
    wait_for(lambda: work_under_way(data_directory) != _node.REWINDING, seconds)


def _is_held(lock: str) -> bool:
    """Whether somebody works under the lock. Whoever wants it meanwhile tries again, so a moment of ours is no harm."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
