# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test hosts by hand and from playbooks: `PYTHONPATH=tests python -m support.hosts --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from support.hosts.engine import HostsError, ensure_docker
from support.hosts.fleet import Fleet, remove, write_access_inventory
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
    destroy = commands.add_parser("destroy", help="remove the hosts of a fleet, or of all fleets")
    destroy.add_argument("fleet", nargs="?", help="name of the fleet")
    return parser


def _host(text: str) -> tuple[str, str]:
    name, separator, address = text.partition("=")
    if not (name and separator and address):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=ADDRESS")
    return name, address


if __name__ == "__main__":
    sys.exit(main())
