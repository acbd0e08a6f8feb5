# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster of three: its inventory, its playbooks, its client role, and what to tell the user."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import pwd
import secrets
import string
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hotstandby_demo.console import DemoError, say
from hotstandby_demo.layout import NODES, Layout, State, write_private
from hotstandby_demo.runtime import CHECKOUT, clean_environment

CLIENT = "demo"  # role and database of the connection strings
# Without these a host that vanishes and leaves its sockets open holds a client for ever (s, ms, -, s, s, -).
CLIENT_TIMEOUTS = (
    "connect_timeout=3 tcp_user_timeout=10000 keepalives=1 keepalives_idle=5 keepalives_interval=2 keepalives_count=3"
)


@dataclass(frozen=True)
class Cluster:
    """The nodes of one demo directory and how to reach them."""

    layout: Layout
    state: State
    python: Path

    def write_inventory(self) -> None:
        """The inventory from its template; the password, once, into a file that only its owner reads."""
        values = {
            "directory": str(self.layout.directory),
            "sockets": str(self.layout.socket_directory(self.state, "{{ inventory_hostname }}")),
            "python": str(self.python),
            "owner": pwd.getpwuid(os.geteuid()).pw_name,
            "version": self.state.version,
            "bin_directory": self.state.bin_directory,
            **{f"port_{name}": str(port) for name, port in self.state.ports.items()},
        }
        template = string.Template((CHECKOUT / "demo" / "inventory.template.ini").read_text(encoding="utf-8"))
        write_private(self.layout.inventory, template.substitute(values))
        if not self.layout.secrets.exists():
            self.layout.secrets.parent.mkdir(mode=0o700, exist_ok=True)
            text = f"---\npostgres_replication_password: {secrets.token_urlsafe(24)}\n"
            write_private(self.layout.secrets, text)

    def play(self, playbook: str, options: tuple[str, ...] = (), *, quiet: bool = False) -> int:
        """Run one of the collection's playbooks on the nodes; its exit status. quiet: without what is as it was."""
        path = CHECKOUT / "playbooks" / f"{playbook}.yml"
        if not path.exists():
            have = ", ".join(sorted(file.stem for file in path.parent.glob("*.yml")))
            raise DemoError(f"there is no playbook {playbook}; there are: {have}")
        command = [
            str(self.python),
            "-m",
            "ansible",
            "playbook",
            "-i",
            str(self.layout.inventory),
            str(path),
            *options,
        ]
        environment = {**self.environment(), **({"ANSIBLE_DISPLAY_OK_HOSTS": "false"} if quiet else {})}
        return subprocess.run(command, cwd=CHECKOUT, env=environment, check=False).returncode

    def environment(self) -> dict[str, str]:
        """Ansible finds this checkout as the collection and keeps its own files in the demo's directory."""
        directory = self.layout.directory
        link = directory / "collections" / "ansible_collections" / "hotstandby" / "postgresql"
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink() or link.readlink() != CHECKOUT:
            link.unlink(missing_ok=True)
            link.symlink_to(CHECKOUT)
        (directory / "tmp").mkdir(exist_ok=True)
        return clean_environment(
            directory,
            ANSIBLE_CONFIG=str(CHECKOUT / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(directory / "collections"),
            ANSIBLE_HOME=str(directory / "tmp" / "ansible"),
            ANSIBLE_LOCAL_TEMP=str(directory / "tmp" / "ansible"),
            ANSIBLE_DISPLAY_SKIPPED_HOSTS="false",
            TMPDIR=str(directory / "tmp"),
        )

    def psql(self, conninfo: str, commands: str) -> str:
        """Output of the commands; DemoError with psql's words. They go over stdin: no secret in argv."""
        program = Path(self.state.bin_directory) / "psql"
        options = [
            "--no-psqlrc",
            "--no-password",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
        ]
        done = subprocess.run(
            [str(program), *options, "--dbname", conninfo],
            input=commands,
            capture_output=True,
            text=True,
            check=False,
            env=clean_environment(self.layout.directory),
        )
        if done.returncode != 0:
            raise DemoError(f"psql said: {' '.join(done.stderr.split())}")
        return done.stdout.strip()

    def local(self, name: str, database: str = "postgres") -> str:
        """Connection string of the node's superuser: over the socket, as peer."""
        sockets = self.layout.socket_directory(self.state, name)
        return f"host='{sockets}' port={self.state.ports[name]} dbname={database} connect_timeout=5"

    def role(self, name: str) -> str:
        """primary, standby, or nothing for a server that does not answer."""
        try:
            answer = self.psql(self.local(name), "SELECT pg_is_in_recovery()")
        except DemoError:
            return ""
        return "standby" if answer == "t" else "primary"

    def remember_life(self, how_far: str) -> None:
        """Whether the demo has begun its life, or has been through it."""
        self.state.life = how_far
        self.layout.save(self.state)

    def primary(self) -> str:
        """Name of the node that is not in recovery."""
        found = [name for name in NODES if self.psql(self.local(name), "SELECT pg_is_in_recovery()") == "f"]
        if len(found) != 1:
            raise DemoError(f"expected one primary, found {', '.join(found) or 'none'}; see demo/run play status")
        return found[0]

    def ensure_client(self, primary: str) -> None:
        """A role and a database of its own to play with, once; the server gets a verifier, no password."""
        passfile = self.layout.client_passfile
        if not passfile.exists():
            password = secrets.token_urlsafe(24)
            self.psql(
                self.local(primary),
                f"DROP DATABASE IF EXISTS {CLIENT};\nDROP ROLE IF EXISTS {CLIENT};\n"
                f"CREATE ROLE {CLIENT} LOGIN PASSWORD '{scram_verifier(password)}';\n"
                f"CREATE DATABASE {CLIENT} OWNER {CLIENT};\n",
            )
            write_private(passfile, f"127.0.0.1:*:{CLIENT}:{CLIENT}:{password}\n")

    def client(self, target: str) -> str:
        """The connection string for applications: every node, and which of them is wanted."""
        hosts = ",".join("127.0.0.1" for dummy in NODES)
        ports = ",".join(str(self.state.ports[name]) for name in NODES)
        who = f"dbname={CLIENT} user={CLIENT} passfile='{self.layout.client_passfile}'"
        return f"host={hosts} port={ports} {who} target_session_attrs={target} {CLIENT_TIMEOUTS}"

    def report(self, primary: str) -> None:
        """What runs where, and how to reach it. Each connection string is tried before it is printed."""
        say("")
        say(f"The cluster runs: PostgreSQL {self.state.version} from {self.state.bin_directory}")
        for name in NODES:
            role = "primary" if name == primary else "hot standby"
            say(f"  {name}  {role:<11}  127.0.0.1:{self.state.ports[name]}  {self.layout.node(name)}")
        reads = "prefer-standby" if int(self.state.version.split(".")[0]) >= 14 else "any"
        say("")
        for what, target in (("To write (always the primary)", "read-write"), ("To read (a standby)", reads)):
            self.psql(self.client(target), "SELECT 1")
            say(f'{what}:\n  {self.state.bin_directory}/psql "{self.client(target)}"')


def scram_verifier(password: str, iterations: int = 4096) -> str:
    """What PostgreSQL stores for an ASCII password (RFC 5802, RFC 7677)."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode("ascii") for part in (salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"
