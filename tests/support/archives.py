# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives of modules, built once for all playbooks of a test run.

Ansible builds the archive of each module that a run uses anew, a quarter of a second of CPU each, and keeps it until
the run ends. The tests run hundreds of playbooks. Whatever could make another archive of a module is in the
directory's name, so that no run is given an archive that it would not have built itself.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import ansible.release

CALLBACKS = Path(__file__).with_name("callbacks")


@cache
def _place() -> Path:
    """For this process: nobody else has written there, and nothing of it stays."""
    place = Path(tempfile.mkdtemp(prefix="hs-archives-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def kept_archives(checkout: Path) -> dict[str, str]:
    """What ansible-playbook needs in its environment to share the archives of this checkout's modules."""
    archives = _place() / _digest(checkout)
    archives.mkdir(exist_ok=True)
    return {
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "kept_archives",
        "HOTSTANDBY_ARCHIVES": str(archives),
    }


def _digest(checkout: Path) -> str:
    """Of the sources and of the Ansible and Python that build archives of them."""
    digest = hashlib.sha256(f"{sys.version} {ansible.release.__version__} {checkout}".encode())
    for path in sorted((checkout / "plugins").rglob("*.py")):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
