# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Python without psycopg2, of a virtual environment say, beside the system's, which has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.modules import package_directory
from support.playbooks import Controller

SYSTEM = "/usr/bin/python3"
SHORT = f"python{sys.version_info.major}.{sys.version_info.minor}"
LOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - hotstandby.postgresql.node_info: {bin_directory: /nowhere/bin, data_directory: /nowhere/data}
      register: observed
    - debug:
        msg: "psycopg2: {{ observed.node.has_psycopg2 }}"
"""


def is_ours() -> bool:
    """Whether the system's Python can load the psycopg2 of the tests: it is a compiled library."""
    try:
        version = "import sys; print(*sys.version_info[:2])"
        told = subprocess.run([SYSTEM, "-c", version], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return told.stdout.split() == [str(part).encode() for part in sys.version_info[:2]]


@pytest.mark.skipif(not is_ours(), reason="the system's Python is of another version than the tests'")
def test_the_python_that_has_psycopg2_is_used(tmp_path: Path) -> None:
    subprocess.run([SYSTEM, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    # a virtual environment does not look here, the system's Python does
    library = tmp_path / "user" / "lib" / SHORT / "site-packages"
    library.mkdir(parents=True)
    psycopg2 = package_directory("psycopg2")
    for source in (psycopg2, psycopg2.parent / "psycopg2_binary.libs"):
        if source.exists():
            shutil.copytree(source, library / source.name)
    python = tmp_path / "bare" / "bin" / "python3"
    controller = Controller(tmp_path, f"db-1 ansible_connection=local ansible_python_interpreter={python}\n")
    found = controller.run_text(LOOK, environment={"PYTHONUSERBASE": str(tmp_path / "user")})
    assert "psycopg2: True" in found.stdout, found.stdout
    (library / "psycopg2").rename(library / "hidden")
    without = controller.run_text(LOOK, environment={"PYTHONUSERBASE": str(tmp_path / "user")})
    assert "psycopg2: False" in without.stdout, without.stdout
