# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the files of a host, so that a test can prove that nothing changed between two moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from support.hosts.engine import HostsError
from support.hosts.host import Host

# What a living host writes whether or not anybody configures it: logs, the state of timers, what readers of
# apt cache, the place where Ansible puts a module while it runs, and who may act on the node.
RESTLESS = (
    "/home/*/.ansible",
    "/root/.ansible",
    "/var/lib/postgresql/hotstandby-*.run",
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/apt/srcpkgcache.bin",
    "/var/lib/systemd",
    "/var/log",
)

_SCRIPT = """
set -eu
restless=$1; shift
set -f  # the patterns are for find, not for the shell
prune=
for pattern in $restless; do prune="$prune -path $pattern -o"; done
find "$@" -xdev \\( $prune -false \\) -prune -o -printf '%y %m %U:%G %l\\t%p\\0' 2>/dev/null
printf '\\0'
find "$@" -xdev \\( $prune -false \\) -prune -o -type f -print0 2>/dev/null | xargs -0r sha256sum -z
"""


def take(host: Host, roots: Sequence[str] = ("/",), restless: Sequence[str] = RESTLESS) -> dict[str, str]:
    """Every path below `roots` (on the host's disk) with kind, mode, owner, link target and hash."""
    printed = host.run("sh", "-c", _SCRIPT, "snapshot", " ".join(restless), *roots).stdout
    listing, separator, hashes = printed.partition("\0\0")
    if not separator:
        raise HostsError(f"{host.name}: the files could not be listed")
    found = {}
    for entry in listing.split("\0"):
        nature, path = entry.split("\t", 1)
        found[path] = nature
    for entry in filter(None, hashes.split("\0")):
        digest, path = entry.split("  ", 1)
        if path in found:
            found[path] += f" {digest}"
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """One line per path that came, went or changed."""
    lines = [f"new: {path}" for path in sorted(after.keys() - before.keys())]
    lines += [f"gone: {path}" for path in sorted(before.keys() - after.keys())]
    for path in sorted(before.keys() & after.keys()):
        if before[path] != after[path]:
            lines.append(f"changed: {path} ({before[path]} -> {after[path]})")
    return lines
