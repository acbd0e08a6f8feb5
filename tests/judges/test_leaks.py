# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing in the tree names the machine it was written on, or a server that it fetches packages from."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from judges.judging import CHECKOUT, lines_of_checkout, none_of

# Where packages come from is the business of the machine: its pip, apt and Docker have their settings.
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|\bdeb\.debian\.org|security\.debian\.org|archive\.ubuntu\.com|galaxy\.ansible\.com"
    r"|npmjs\.(?:org|com)|docker\.io/|hub\.docker\.com|\bquay\.io|\bghcr\.io"
)
HOMES = re.compile(r"/Users/\w|/home/(?:runner|jenkins|vagrant|circleci)\b")


def paths_of_this_machine() -> list[str]:
    """Paths that mean something here only. A single part (/root, /src) may be an honest word."""
    own = {CHECKOUT, Path.home(), Path(sys.prefix)}
    return sorted(str(path) for path in own if len(path.parts) > 2)


def found(pattern: re.Pattern[str]) -> list[str]:
    return [f"{where}: {line.strip()}" for where, line in lines_of_checkout() if pattern.search(line)]


def test_no_registry_is_named() -> None:
    none_of(found(REGISTRIES), "naming a package registry")


def test_no_path_of_a_machine_is_named() -> None:
    own = [re.escape(path) + r"(?![\w.-])" for path in paths_of_this_machine()]
    none_of(found(re.compile("|".join([HOMES.pattern, *own]))), "naming a path of one machine")
