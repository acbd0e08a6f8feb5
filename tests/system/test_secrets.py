# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The replication password is in its passfile and nowhere else: no output, log, process list or other file."""

from __future__ import annotations

import base64
import json
import shlex
from urllib.parse import quote

import pytest

from support import secrets
from support.hosts import Fleet
from support.hosts.controller import NASTY_PASSWORD, Controller, Run
from support.hosts.host import Host
from support.secrets import Holder
from support.waiting import wait_for

NODES = ("db-1", "db-2", "db-3")
PASSFILE = "/var/lib/postgresql/hotstandby-15-main.pgpass"
LOG = "/var/log/postgresql/postgresql-15-main.log"
TALKATIVE = {"log_statement": "all", "log_connections": "on", "log_replication_commands": "on"}
# What is left of it if somebody masks a part, cuts it at a space or a colon, or expands a template.
PIECES = ('it\'s "quoted"', "back:slash", "100% #hash", "{{ braces }}", "$HOME `id`", "Grüße")
FORMS = secrets.forms(NASTY_PASSWORD, *PIECES)


def forget_cluster(host: Host) -> None:
    """Leave nothing of the cluster but the packages, so that no time goes by with their installation."""
    host.run("pg_dropcluster", "--stop", "15", "main")
    host.run("rm", PASSFILE)


def output_findings(run: Run, controller: Controller, verifier: str) -> list[str]:
    assert "task path: " in run.stdout, "it was not so verbose as the test wants it"
    return secrets.findings(run.output, {**FORMS, verifier.encode(): "the verifier"})


def test_the_password_is_nowhere_but_in_the_passfile(cluster: Fleet, controller: Controller) -> None:
    for name in NODES:
        forget_cluster(cluster[name])
    controller.inventory(["db-1"], ["db-2", "db-3"], variables={"postgres_settings": TALKATIVE})
    hosts = [cluster[name] for name in NODES]
    marks = [str(controller.path), str(cluster.control_paths)]
    with secrets.sampled(hosts, marks) as samples:
        runs = [controller.playbook("site", "-vvv", "--diff", check=True)]
    runs += [controller.playbook(name, "-vvv", "--diff", check=True) for name in ("status", "verify")]
    verifier = cluster["db-1"].sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'replicator'")[0][0]
    assert verifier.startswith("SCRAM-SHA-256$")

    # output
    assert "create" in runs[0].stdout
    assert [output_findings(run, controller, verifier) for run in runs] == [[], [], []]

    # process lists, in which all that matters was seen
    assert samples.saw("db-2", "cmdline", b"pg_basebackup\0-D")
    assert samples.saw("db-2", "environ", f"PGPASSFILE={PASSFILE}".encode())
    assert samples.saw("controller", "cmdline", b"playbooks/site.yml")
    assert samples.saw("controller", "cmdline", b"ControlPath=")
    assert samples.findings(FORMS) == []
    assert not any(samples.saw(name, "environ", b"PGPASSWORD=") for name in samples.seen)

    # logs, in which all that matters was written
    for host in hosts:
        text = secrets.journal(host)
        assert "Invoked with" in text
        assert "COMMAND=" in text
        log = host.read(LOG)
        assert b"statement: " in log
        for content in (text, log):
            assert secrets.findings(content, {**FORMS, verifier.encode(): "the verifier"}) == []

    # files
    for host in hosts:
        assert secrets.holders(host, FORMS) == [Holder(PASSFILE, 0o600, "postgres")], host.name


ESCAPED = {
    "plain": NASTY_PASSWORD,
    "json": json.dumps({"password": NASTY_PASSWORD}),
    "json in json": json.dumps(json.dumps([NASTY_PASSWORD])),
    "repr": repr({"password": NASTY_PASSWORD}),
    "bytes": repr(NASTY_PASSWORD.encode()),
    "shell": f"psql {shlex.quote('password=' + NASTY_PASSWORD)}",
    "sql": "PASSWORD '{}'".format(NASTY_PASSWORD.replace("'", "''")),
    "yaml": "password: '{}'".format(NASTY_PASSWORD.replace("'", "''")),
    "url": f"postgresql://replicator:{quote(NASTY_PASSWORD, safe='')}@db-1",
    "passfile": "db-1:5432:*:replicator:{}".format(NASTY_PASSWORD.replace("\\", "\\\\").replace(":", "\\:")),
    "base64": base64.b64encode(b"user:" + NASTY_PASSWORD.encode() + b":end").decode(),
    "a word of it": "argument #3 was back:slash",
    "masked but for its end": "********$HOME `id` Grüße",
    "expanded": NASTY_PASSWORD.replace("{{ braces }}", "").replace("$HOME", "/root").replace("`id`", "uid=0"),
}


@pytest.mark.parametrize("how", ESCAPED)
def test_the_sweep_finds_a_password_however_it_is_escaped(how: str) -> None:
    assert secrets.findings(f"some text\n{ESCAPED[how]}\nmore text", FORMS)
    assert secrets.findings(f"a text without a secret, id={how}", FORMS) == []


def test_the_sweep_finds_what_is_planted_on_a_host(fleet: Fleet) -> None:
    fleet.recreate("db-4")
    host = fleet["db-4"]
    with secrets.sampled([host]) as before:
        assert secrets.findings(secrets.journal(host), FORMS) == []
    assert before.findings(FORMS) == []
    assert secrets.holders(host, FORMS) == []

    host.run("sh", "-c", 'printf %s "$2" >"$1"; chmod 640 "$1"', "sh", "/var/tmp/left behind", ESCAPED["json"])
    assert secrets.holders(host, FORMS) == [Holder("/var/tmp/left behind", 0o640, "root")]

    host.run("logger", "it was", ESCAPED["passfile"])
    wait_for(lambda: secrets.findings(secrets.journal(host), FORMS), "the journal to have it")

    idle = ["python3", "-c", "import time; time.sleep(600)"]
    planted = ["env", f"PGPASSWORD={NASTY_PASSWORD}", *idle, "x:back:slash"]
    with secrets.sampled([host]) as after:
        pid = host.run("sh", "-c", '"$@" >/dev/null 2>&1 & echo $!', "sh", *planted).stdout.strip()
    host.run("kill", pid)
    assert "db-4: cmdline: back:slash (plain)" in after.findings(FORMS)
    assert f"db-4: environ: {NASTY_PASSWORD} (plain)" in after.findings(FORMS)
