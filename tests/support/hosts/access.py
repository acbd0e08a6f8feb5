# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ssh key with which the test hosts are reached, and the host keys by which they are known."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.hosts.engine import HostsError, cache_directory, lock
from support.hosts.recipe import LOGIN_USER


def private_key() -> Path:
    """The path of the key pair's private half, made on first use (mode 0600)."""
    path = cache_directory() / "id_ed25519"
    with lock("key"):
        if not path.exists():
            done = subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hotstandby test", "-f", str(path)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise HostsError(f"ssh-keygen could not make {path}: {done.stderr.strip()}")
    return path


def public_key() -> str:
    """The line for authorized_keys."""
    return private_key().with_suffix(".pub").read_text()


def write_known_hosts(path: Path, keys: Mapping[str, str]) -> None:
    """Write the file by which ssh knows the hosts: address to the text of its public host key."""
    path.write_text("".join(f"{address} {' '.join(key.split()[:2])}\n" for address, key in keys.items()))


def ssh_options(known_hosts: Path) -> list[str]:
    """Options with which ssh accepts these hosts by their own keys and none by any other."""
    return [
        "-o", f"UserKnownHostsFile={known_hosts}",
        "-o", "GlobalKnownHostsFile=/dev/null",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "IdentitiesOnly=yes",
        "-o", "ConnectTimeout=10",
    ]


def ssh_command(address: str, known_hosts: Path, *command: str) -> list[str]:
    """The command line of an ssh that asks nothing."""
    return [
        "ssh", "-F", "none", "-i", str(private_key()), "-o", "BatchMode=yes",
        *ssh_options(known_hosts), f"{LOGIN_USER}@{address}", *command,
    ]


def close_connection(socket: Path) -> None:
    """End the multiplexed ssh connection whose control socket this is."""
    subprocess.run(
        ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
