# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the image of a test host. A change here gives a new image tag, hence a new image."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

# A host as its owner got it: Debian, reachable over ssh, with the Python that Ansible needs.
# python3-apt is part of Debian's standard system; without it no check mode of apt can work.
PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "locales",
    "netbase",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "sudo",
    "systemd",
    "systemd-sysv",
)

# Not installed, only downloaded, so that a test's `apt install` need not wait for the network.
DOWNLOADED = ("postgresql", "python3-psycopg2")

LOGIN_USER = "admin"
LOGIN_USER_ID = 1000

FILES = {
    "/etc/sudoers.d/admin": f"{LOGIN_USER} ALL=(ALL) NOPASSWD: ALL\n",
    "/etc/default/locale": "LANG=C.UTF-8\n",
    # Hosts live for minutes: what dpkg writes need not survive a power cut.
    "/etc/dpkg/dpkg.cfg.d/unsafe-io": "force-unsafe-io\n",
}

# Timers that would hold the lock of apt, or change files, in the middle of a test.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "fstrim.timer",
    "logrotate.timer",
)


@dataclass(frozen=True)
class Suite:
    """A release of Debian; `pockets` are the parts of its archive, "" being the release itself."""

    name: str
    pockets: tuple[str, ...] = ("", "-updates", "-security")


SUITES = {
    suite.name: suite
    for suite in (
        Suite("bullseye"),
        Suite("bookworm"),
        Suite("trixie"),
        Suite("forky", pockets=("",)),
    )
}


def customize_script() -> str:
    """The shell script that mmdebstrap runs when the packages are in; "$1" is the root of the image."""
    apt = 'chroot "$1" env -u APT_CONFIG apt-get'
    lines = [
        "set -eu",
        f'chroot "$1" useradd --create-home --uid {LOGIN_USER_ID} --shell /bin/bash {LOGIN_USER}',
        f'chroot "$1" systemctl mask {" ".join(MASKED_UNITS)}',
        # What was needed to build the image goes, what a test will install is fetched.
        f"{apt} clean",
        f"{apt} install --yes --download-only --install-recommends {' '.join(DOWNLOADED)}",
    ]
    for path, text in FILES.items():
        lines.append(f"printf '%s' '{text}' >\"$1{path}\"")
    return "\n".join(lines) + "\n"


def mmdebstrap_options() -> list[str]:
    """Options for mmdebstrap, without suite, target and sources."""
    return [
        "--variant=minbase",
        "--include=" + ",".join(PACKAGES),
        # An archive that has not been refreshed for a while serves as well.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        '--aptopt=Acquire::Languages "none"',
        "--skip=cleanup/apt/lists,cleanup/apt/cache",
        "--customize-hook=" + customize_script(),
    ]


def fingerprint(suite: Suite) -> str:
    """Twelve hex digits that name this recipe for this suite."""
    text = json.dumps([asdict(suite), mmdebstrap_options()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
