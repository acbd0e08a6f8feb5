# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies aside for a node until it streams again.

It is what a clone moved there, what a rewind that was killed left, and what salvaged WAL replaced.
"""

from __future__ import annotations

import os

from .find import find_asides
from .moves import remove_aside
from .old_directories import sort_out
from .replaced_wal import REPLACED, find_replaced, forget_replaced
from .shelter import find_shelters, is_shelter, remove_shelter


def all_asides(data_directory: str) -> list[str]:
    """Their paths."""
    return [*_with_files_of_others(data_directory), *find_replaced(data_directory)]


def sorted_out(data_directory: str) -> tuple[list[str], dict[str, str]]:
    """Those that can be removed, and why each of the others is kept."""
    removable, kept = sort_out(_with_files_of_others(data_directory))
    return [*removable, *find_replaced(data_directory)], kept


def _with_files_of_others(data_directory: str) -> list[str]:
    return [*find_asides(data_directory), *find_shelters(data_directory)]


def remove(path: str) -> bool:
    """Remove one of them; False when there was nothing. Raises OSError and HotStandbyError "aside_in_use"."""
    if is_shelter(path):
        return remove_shelter(path)
    if os.path.basename(path) == REPLACED:
        return forget_replaced(os.path.dirname(path)) > 0
    return remove_aside(path)
