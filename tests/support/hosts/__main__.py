# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test hosts by hand and from playbooks: `PYTHONPATH=tests python -m support.hosts --help`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from support.hosts import snapshot
from support.hosts.engine import HostsError, ensure_docker
from support.hosts.fleet import Fleet, existing_hosts, remove, write_access_inventory
from support.hosts.image import ensure_image
from support.hosts.recipe import SUITES


def main(argv: list[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.command == "engine":
            ensure_docker().close()
        elif arguments.command == "image":
            print(ensure_image(ensure_docker(), arguments.suite, rebuild=arguments.rebuild))
        elif arguments.command == "create":
            fleet = Fleet(arguments.fleet, dict(arguments.host), suite=arguments.suite)
            fleet.create()
            write_access_inventory(fleet, arguments.inventory)
        elif arguments.command == "files":
            return _files(arguments.fleet, arguments.file, compare=arguments.compare)
        else:
            print(f"removed={remove(ensure_docker(), arguments.fleet)}")
    except HostsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m support.hosts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("engine", help="see that a Docker engine answers; root installs and starts one")
    image = commands.add_parser("image", help="build the image of a host unless it is there")
    image.add_argument("--rebuild", action="store_true", help="build it anew, with today's packages")
    create = commands.add_parser("create", help="boot virgin hosts; those that the fleet had are removed")
    create.add_argument("fleet", help="name of the fleet")
    create.add_argument("host", nargs="+", type=_host, metavar="NAME=ADDRESS", help="in 198.51.100.0/24")
    create.add_argument("--inventory", required=True, type=Path, help="file to get addresses and ssh access")
    for command in (image, create):
        command.add_argument("--suite", choices=sorted(SUITES), default="bookworm", help="release of Debian")
    files = commands.add_parser("files", help="note what is in the files of a fleet's hosts, or compare")
    files.add_argument("--compare", action="store_true", help="exit 1 and list what differs from FILE")
    files.add_argument("fleet", help="name of the fleet")
    files.add_argument("file", type=Path, help="where the note is (JSON)")
    destroy = commands.add_parser("destroy", help="remove the hosts of a fleet, or of all fleets")
    destroy.add_argument("fleet", nargs="?", help="name of the fleet")
    return parser


def _files(fleet: str, note: Path, compare: bool) -> int:
    found = {host.name: snapshot.take(host) for host in existing_hosts(ensure_docker(), fleet)}
    if not found:
        raise HostsError(f"the fleet {fleet} has no hosts: create them first")
    total = f"{sum(map(len, found.values()))} files on {len(found)} hosts"
    if not compare:
        note.write_text(json.dumps(found))
        print(f"noted {total}")
        return 0
    before = json.loads(note.read_text())
    lines = [f"hosts differ: {sorted(before)}, {sorted(found)}"] if before.keys() != found.keys() else []
    for name in before.keys() & found.keys():
        lines += [f"{name}: {line}" for line in snapshot.differences(before[name], found[name])]
    print("\n".join(lines) or f"nothing changed in {total}")
    return 1 if lines else 0


def _host(text: str) -> tuple[str, str]:
    name, separator, address = text.partition("=")
    if not (name and separator and address):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ADDRESS")
    return name, address


if __name__ == "__main__":
    sys.exit(main())
