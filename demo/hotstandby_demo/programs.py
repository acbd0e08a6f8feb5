# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where PostgreSQL's programs are on this machine: the system's packages first, else a wheel from PyPI."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Directories with one sub-directory per major version: Debian and Ubuntu; PGDG on RHEL and its kin.
SYSTEM_PATTERNS = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))
# What a node needs to become primary or standby; the others (pg_verifybackup, pg_waldump) are a bonus.
REQUIRED = (
    "initdb",
    "pg_basebackup",
    "pg_controldata",
    "pg_ctl",
    "pg_isready",
    "pg_rewind",
    "postgres",
    "psql",
)
OPTIONAL = ("pg_verifybackup", "pg_waldump")


@dataclass(frozen=True)
class Programs:
    """A directory of PostgreSQL programs and their version: "15.18", or "9.6.24" in the old numbering."""

    bin_directory: Path
    full_version: str

    @property
    def version(self) -> str:
        """The major version: "15", "9.6"."""
        parts = self.full_version.split(".")
        return parts[0] if int(parts[0]) >= 10 else ".".join(parts[:2])

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of optional programs that this installation does not carry."""
        return tuple(name for name in OPTIONAL if not (self.bin_directory / name).exists())


class ProgramsNotFoundError(Exception):
    """No usable PostgreSQL on this machine; str() says what is missing, in one line."""


def inspect(bin_directory: Path) -> Programs | None:
    """The programs in this directory, or None where a required one is missing or does not run."""
    if any(not (bin_directory / name).exists() for name in REQUIRED):
        return None
    try:
        answer = subprocess.run(
            [str(bin_directory / "postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\) (\d+(?:\.\d+)*)", answer)
    return Programs(bin_directory, match.group(1)) if match else None


def installed(site_packages: tuple[Path, ...] | None = None, *, system: bool = True) -> list[Programs]:
    """Every usable installation, the system's newest first, wheels last."""
    found = [
        programs
        for root, pattern in (SYSTEM_PATTERNS if system else ())
        for path in Path(root).glob(pattern)
        if (programs := inspect(path)) is not None
    ]
    found.sort(key=lambda programs: [int(part) for part in programs.full_version.split(".")], reverse=True)
    for directory in site_packages if site_packages is not None else own_site_packages():
        found += wheels_below(directory)
    return found


def own_site_packages() -> tuple[Path, ...]:
    """The directories of this interpreter in which a wheel may lie."""
    return tuple(Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages")))


def wheels_below(site_packages: Path) -> list[Programs]:
    """PostgreSQL servers that came as a wheel: any package with its own bin/pg_basebackup."""
    candidates = {
        path.parent for depth in ("*", "*/*", "*/*/*") for path in site_packages.glob(f"{depth}/bin/postgres")
    }
    return [programs for path in sorted(candidates) if (programs := inspect(path)) is not None]


def find_programs(
    version: str | None = None, site_packages: tuple[Path, ...] | None = None, *, system: bool = True
) -> Programs:
    """The newest installation, or the newest of the major version asked for; raises ProgramsNotFoundError."""
    found = installed(site_packages, system=system)
    for programs in found:
        if version is None or programs.version == version:
            return programs
    have = ", ".join(f"{programs.full_version} in {programs.bin_directory}" for programs in found) or "none"
    wanted = f"PostgreSQL {version}" if version else "PostgreSQL"
    raise ProgramsNotFoundError(
        f"{wanted} with {', '.join(REQUIRED)} is not on this machine (found: {have}). "
        "Install the distribution's package (Debian, Ubuntu: postgresql)"
    )
