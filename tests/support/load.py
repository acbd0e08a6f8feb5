# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pgbench as a client of the cluster: begun again whenever it loses its server, on whoever takes writes then."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg2.extensions import make_dsn

from support.writer import PASSWORD, conninfo


def initialise(addresses: Sequence[str], scale: int = 1) -> None:
    """Make pgbench's tables."""
    subprocess.run(
        ["pgbench", "--initialize", "--quiet", f"--scale={scale}", make_dsn(**conninfo(addresses))],
        env=_environment(),
        capture_output=True,
        check=True,
    )


@contextmanager
def pgbench(addresses: Sequence[str], rate: int = 100) -> Iterator[None]:
    """So many transactions in every second meanwhile, by two clients, as long as there is a primary."""
    over = threading.Event()
    options = ["--client=2", f"--rate={rate}", "--time=3600", "--no-vacuum"]
    command = ["pgbench", *options, make_dsn(**conninfo(addresses))]
    running: list[subprocess.Popen[bytes]] = []

    def run() -> None:
        while not over.wait(0.02):  # between two connections
            with subprocess.Popen(command, env=_environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE) as bench:
                running[:] = [bench]
                if over.is_set():
                    bench.terminate()
                bench.communicate()

    thread = threading.Thread(target=run, name="pgbench", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        for bench in running:
            bench.terminate()
        thread.join()


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
