# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.hotstandby.postgresql` importable from any clone, and support and demo too."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer

    from support.schedule import Schedule

CHECKOUT = Path(__file__).resolve().parents[1]


def make_collections_tree() -> Path:
    """A temporary collections path in which our collection is a link to this checkout."""
    tree = Path(tempfile.mkdtemp(prefix="hs-collections-"))
    atexit.register(shutil.rmtree, tree, ignore_errors=True)
    link = tree / "ansible_collections" / "hotstandby" / "postgresql"
    link.parent.mkdir(parents=True)
    link.symlink_to(CHECKOUT, target_is_directory=True)
    return tree


COLLECTIONS_PATH = make_collections_tree()
for directory in (CHECKOUT / "demo", CHECKOUT / "tests", COLLECTIONS_PATH):
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Schedule:
    """xdist asks it when there are several workers."""
    from support.schedule import Schedule

    return Schedule(config, log)
