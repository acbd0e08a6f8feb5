# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook at its most talkative, with everything watched in which the replication password could turn up."""

from __future__ import annotations

from collections.abc import Sequence

from support import secrets
from support.hosts import Fleet
from support.hosts.controller import NASTY_PASSWORD, Controller, Run
from support.secrets import Holder, Samples

NODES = ("db-1", "db-2", "db-3")
PASSFILE = "/var/lib/postgresql/hotstandby-15-main.pgpass"
LOG = "/var/log/postgresql/postgresql-15-main.log"
# What is left of it if somebody masks a part, cuts it at a space or a colon, or expands a template.
PIECES = ('it\'s "quoted"', "back:slash", "100% #hash", "{{ braces }}", "$HOME `id`", "Grüße")
FORMS = secrets.forms(NASTY_PASSWORD, *PIECES)


def playbook(
    fleet: Fleet, controller: Controller, name: str, *arguments: str, nodes: Sequence[str] = NODES
) -> tuple[Run, Samples]:
    """Run it with all its output, and watch the processes of the nodes and of the controller meanwhile."""
    marks = [str(controller.path), str(fleet.control_paths)]
    with secrets.sampled([fleet[node] for node in nodes], marks) as samples:
        run = controller.playbook(name, "-vvv", "--diff", *arguments)
    return run, samples


def findings(fleet: Fleet, run: Run, samples: Samples, nodes: Sequence[str] = NODES) -> list[str]:
    """Where the password or its verifier was found: output, processes, logs, files. There must be none.

    The servers have to log connections and statements, or their logs prove nothing.
    """
    assert "task path: " in run.stdout, "it was not so verbose as it has to be"
    forms = _with_verifier(fleet, nodes)
    found = [f"output: {what}" for what in secrets.findings(run.output, forms)]
    found += samples.findings(FORMS)
    found += [f"{name}: PGPASSWORD" for name in samples.seen if samples.saw(name, "environ", b"PGPASSWORD=")]
    for host in (fleet[node] for node in nodes):
        journal, log = secrets.journal(host), host.read(LOG)
        assert "Invoked with" in journal
        assert b"statement: " in log
        for place, content in (("journal", journal.encode()), ("log", log)):
            found += [f"{host.name}: {place}: {what}" for what in secrets.findings(content, forms)]
        kept = Holder(PASSFILE, 0o600, "postgres")
        found += [f"{host.name}: {holder}" for holder in secrets.holders(host, FORMS) if holder != kept]
    return found


def _with_verifier(fleet: Fleet, nodes: Sequence[str]) -> secrets.Forms:
    """The password's forms, and the verifier that the servers keep of it."""
    query = "SELECT rolpassword FROM pg_authid WHERE rolname = 'replicator'"
    for node in nodes:
        asked = fleet[node].run("psql", "-XAtc", query, user="postgres", check=False)
        if asked.stdout.startswith("SCRAM-SHA-256$"):
            return {**FORMS, asked.stdout.strip().encode(): "the verifier"}
    raise AssertionError("no server tells the verifier")
