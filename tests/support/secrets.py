# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks for a secret in texts, in the files and logs of hosts, and in the lists of processes, however it is escaped."""

from __future__ import annotations

import base64
import json
import re
import shlex
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote, quote_plus

from support.hosts import Host

# Shorter texts are in every other file by chance.
SHORTEST_FORM_BYTES = 6
ROOTS = ("/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var")

Forms = Mapping[bytes, str]


def _back_slashed(text: str) -> str:
    return re.sub(r"([^\w/.\-])", r"\\\1", text, flags=re.ASCII)


# How a text looks in a program's notation; without the quotes around it.
NOTATIONS: Mapping[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json, not ascii": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "ascii": lambda text: ascii(text)[1:-1],
    "bytes": lambda text: repr(text.encode())[2:-1],
    "yaml or sql, single-quoted": lambda text: text.replace("'", "''"),
    "shell, quoted": lambda text: shlex.quote(text)[1:-1],
    "shell, back-slashed": _back_slashed,
    "passfile": lambda text: text.replace("\\", "\\\\").replace(":", "\\:"),
    "conninfo": lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    "systemd": lambda text: text.replace("\\", "\\x5c").replace("%", "%%"),
    "octal": lambda text: "".join(chr(c) if c < 128 else f"\\{c:03o}" for c in text.encode()),
    "url": lambda text: quote(text, safe=""),
    "url, path": quote,
    "url, form": quote_plus,
    "hex": lambda text: text.encode().hex(),
}


def forms(*secrets: str) -> Forms:
    """The bytes to look for, each with what it is: every text in every notation, twice escaped too."""
    found: dict[bytes, str] = {}
    for text in secrets:
        for name, write in NOTATIONS.items():
            found.setdefault(write(text).encode(), f"{text} ({name})")
            found.setdefault(json.dumps(write(text))[1:-1].encode(), f"{text} ({name} in json)")
        for shift in range(3):
            found.setdefault(_base64_core(text.encode(), shift), f"{text} (base64)")
        found.setdefault(text.encode("utf-16-le"), f"{text} (utf-16)")
        found.setdefault(text.encode("latin-1", errors="replace"), f"{text} (latin-1)")
    return {form: what for form, what in found.items() if len(form) >= SHORTEST_FORM_BYTES}


def _base64_core(data: bytes, shift: int) -> bytes:
    """What is the same of a text in base64 whatever surrounds it, `shift` bytes after a boundary of three."""
    encoded = base64.b64encode(b"\0" * shift + data)
    end = (shift + len(data)) // 3 * 4
    return encoded[4 if shift else 0 : end]


def findings(content: str | bytes, wanted: Forms) -> list[str]:
    """Which forms are in it."""
    data = content.encode() if isinstance(content, str) else content
    return sorted({what for form, what in wanted.items() if form in data})


@dataclass(frozen=True)
class Holder:
    """A file that holds a secret: its path, mode (0o600) and owner's name."""

    path: str
    mode: int
    owner: str


# The forms come in hexadecimal, so that the searching process is no finding itself.
_SWEEP = """
import json, os, pwd, subprocess, sys
forms = b"".join(bytes.fromhex(text) + b"\\n" for text in sys.argv[1].split(","))
command = ["grep", "-rlaFsZ", "-D", "skip", "-f", "/dev/stdin", *sys.argv[2:]]
done = subprocess.run(command, input=forms, stdout=subprocess.PIPE, env={"LC_ALL": "C", "PATH": os.defpath})
found = []
for path in filter(None, done.stdout.split(b"\\0")):
    status = os.stat(path)
    found.append([os.fsdecode(path), status.st_mode & 0o7777, pwd.getpwuid(status.st_uid).pw_name])
print(json.dumps(found))
"""


def holders(host: Host, wanted: Forms, roots: Sequence[str] = ROOTS) -> list[Holder]:
    """Every file below `roots` with a form of the secret in it, by path."""
    there = [root for root in roots if not host.run("test", "-d", root, check=False).returncode]
    done = host.run("python3", "-c", _SWEEP, ",".join(form.hex() for form in wanted), *there)
    return sorted((Holder(*row) for row in json.loads(done.stdout)), key=lambda holder: holder.path)


def journal(host: Host) -> str:
    """All that the host's journal holds, which in its files may be compressed."""
    return host.run("journalctl", "--all", "--no-pager", "--output=export").stdout


# Prints every command line and environment that it has seen when the file exists.
_SAMPLE = """
import os, sys, time
seen = set()
over = False
while not over:
    over = os.path.exists(sys.argv[1])  # there is a last look, whatever happens
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for kind in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{kind}", "rb") as file:
                    seen.add((kind, file.read()))
            except OSError:
                continue
    time.sleep(0.01)
for kind, content in seen:
    print(kind, content.hex())
"""
_STOP = "/run/sampled"


@dataclass
class Samples:
    """What was seen of processes, by host: pairs of "cmdline" or "environ" and the content."""

    seen: dict[str, set[tuple[str, bytes]]] = field(default_factory=dict)

    def findings(self, wanted: Forms) -> list[str]:
        """Host, kind and form of every finding."""
        return sorted(
            f"{host}: {kind}: {what}"
            for host, pairs in self.seen.items()
            for kind, content in pairs
            for what in findings(content, wanted)
        )

    def saw(self, host: str, kind: str, content: bytes) -> bool:
        """Whether such a process was seen there at all."""
        return any(kind == found and content in data for found, data in self.seen[host])


@contextmanager
def sampled(hosts: Iterable[Host], mine: Sequence[str] = ()) -> Iterator[Samples]:
    """Watch the processes of the hosts meanwhile, as root, over and over; what was seen is there at the end.

    `mine`: texts by which processes of this machine are known that are to be watched too, as host "controller".
    """
    samples, over = Samples(), threading.Event()
    watched = list(hosts)
    with ThreadPoolExecutor(max_workers=len(watched) + 1) as pool:
        futures: dict[str, Future[set[tuple[str, bytes]]]] = {host.name: pool.submit(_sample, host) for host in watched}
        futures["controller"] = pool.submit(partial(_sample_here, [text.encode() for text in mine], over))
        try:
            yield samples
        finally:
            over.set()
            for host in watched:
                host.run("touch", _STOP)
            samples.seen.update({name: future.result() for name, future in futures.items()})
            for host in watched:
                host.run("rm", _STOP)


def _sample(host: Host) -> set[tuple[str, bytes]]:
    lines = host.run("python3", "-c", _SAMPLE, _STOP).stdout.splitlines()
    return {(kind, bytes.fromhex(content)) for kind, dummy, content in (line.partition(" ") for line in lines)}


def _sample_here(marks: Sequence[bytes], over: threading.Event) -> set[tuple[str, bytes]]:
    seen: set[tuple[str, bytes]] = set()
    while marks and sys.platform == "linux":
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
                if any(mark in command for mark in marks):
                    seen |= {("cmdline", command), ("environ", (entry / "environ").read_bytes())}
            except OSError:
                continue  # it has ended, or it is another user's
        if over.wait(0.05):  # between two looks
            break
    return seen
