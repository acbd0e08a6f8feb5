# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot guard: a server that was primary does not come up writable beside another primary.

    python3 -I boot_guard.py CONFIGURATION start|refuse OWNER
    python3 -I boot_guard.py self-test

Asked before a server is started. Exit code 0: start it (it may be a standby now), 1: do not. Says on stderr why.
start or refuse is what it does when it cannot tell. OWNER is the user who owns the cluster: started by root, it becomes
that one first. It needs nothing but Python 3.9 and PostgreSQL's own programs.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Thread
from typing import Any, NamedTuple

START, FOLLOW, REFUSE = "start", "follow", "refuse"
# What was found at a peer's place: no host, a host without a server, a server that is about to serve (or to end),
# a server, or the boot guard of a server that would be writable too.
SILENT, DOWN, STARTING, LIVES, WAITS = "silent", "down", "starting", "lives", "waits"
# How long to ask again: not at all; while a host answers whose server does not; also while hosts may still boot.
AT_ONCE, BRIEFLY, LONG = "at once", "briefly", "long"
TROUBLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, subprocess.SubprocessError
)  # fmt: skip
CLAIM = re.compile(r"boot guard of cluster (\d+) on timeline (\d+)")
CANNOT_CONNECT_NOW = "57P03"
NOT_CONSISTENT = "not yet accepting connections"  # from 14 on only a standby says so
RETRY_SECONDS = 0.5
CONTROL_SECONDS = 10
RESTART_SECONDS = 10


class Own(NamedTuple):
    """This node's control file. never_copied: no base backup was ever taken of it, so that it has no standby.

    stopped: it was shut down. restarted: a moment ago, and the host has run ever since.
    """

    system_identifier: str
    timeline: int
    never_copied: bool
    stopped: bool = False
    restarted: bool = False


class View(NamedTuple):
    """Another node as seen from here. trouble: why something is not known."""

    name: str
    sign: str = SILENT
    in_recovery: bool | None = None
    system_identifier: str | None = None
    timeline: int | None = None
    trouble: str = ""


class Decision(NamedTuple):
    """What to do (START, FOLLOW or REFUSE), whom to follow, why, whether it was the policy that decided, and how long
    to ask again before it is done."""

    action: str
    upstream: str | None
    reason: str
    unsure: bool = False
    patience: str = AT_ONCE


def decide(own: Own, views: Sequence[View], policy: str) -> Decision:
    """Judge a server that would come up writable. Pure."""
    here = [view for view in views if view.system_identifier in (None, own.system_identifier)]
    ours = [view for view in here if view.timeline]
    newer = [view for view in ours if (view.timeline or 0) > own.timeline]
    if newer:
        return _follow_newest(own, newer)
    for view in ours:
        if view.timeline == own.timeline and (view.sign == WAITS or view.in_recovery is False):
            what = "is about to take" if view.sign == WAITS else "takes"
            return Decision(REFUSE, None, f"{view.name} {what} writes on the same timeline {own.timeline}")
    for view in here:
        if view.sign == LIVES and not view.in_recovery and view.timeline in (None, own.timeline):
            what = "takes writes" if view.in_recovery is False else "lives"
            reason = f"{view.name} {what} and does not say whether it is a newer primary: {view.trouble}"
            return Decision(REFUSE, None, reason, patience=BRIEFLY)
    if 2 * (1 + len(ours)) > 1 + len(views):
        seen = f"{_listed([view.name for view in ours])} seen" if ours else "there is nobody to ask"
        reason = f"no newer primary than this node on timeline {own.timeline} ({seen})"
        old = _listed([view.name for view in ours if view.in_recovery is False])
        warning = f"; WARNING: TWO PRIMARIES: {old} takes writes on an older timeline, stop it at once" if old else ""
        return Decision(START, None, reason + warning, patience=BRIEFLY)
    for view in here:
        if not view.timeline and (view.sign == LIVES or (view.sign == STARTING and not view.in_recovery)):
            reason = f"{view.name} has a server that may know a newer primary: {view.trouble}"
            return Decision(REFUSE, None, reason, patience=LONG)
    unseen = [f"{view.name} ({view.trouble or 'another cluster'})" for view in views if view not in ours]
    reason = f"cannot tell whether another node is primary, no majority answered: {'; '.join(unseen)}"
    return _by_policy(reason, policy)._replace(patience=LONG)


def ask_again(
    decision: Decision, own: Own, views: Sequence[View], limits: Mapping[str, Any], waited: float, awake: float
) -> bool:
    """Whether somebody who has not spoken yet may come up in time and know better. Pure.

    waited: seconds since the first question. awake: seconds since this host was switched on.
    """
    late = {view.sign for view in views if not view.timeline or (view.sign == WAITS and decision.action == FOLLOW)}
    if own.restarted:
        late &= {STARTING, LIVES}
    if decision.patience == AT_ONCE or not late:
        return False
    if waited < limits["server_seconds"] and late != {SILENT}:
        return True
    return decision.patience == LONG and awake < limits["boot_seconds"]


def remember(before: Sequence[View], now: Sequence[View]) -> list[View]:
    """What they say now; of one that says nothing any more, what it said. Pure."""
    return [
        old._replace(sign=new.sign, trouble=new.trouble) if old.timeline and not new.timeline else new
        for old, new in zip(before, now)
    ]


def _follow_newest(own: Own, newer: Sequence[View]) -> Decision:
    timeline = max(view.timeline or 0 for view in newer)
    newest = [view for view in newer if view.timeline == timeline]
    writable = [view for view in newest if view.in_recovery is False]
    if len(writable) > 1:
        rivals = _listed([view.name for view in writable])
        return Decision(REFUSE, None, f"{rivals} take writes on timeline {timeline}, newer than {own.timeline} here")
    upstream = (writable or sorted(newest, key=lambda view: (not view.in_recovery, view.sign != LIVES)))[0]
    what = "is primary" if writable else "follows a primary" if upstream.in_recovery else "is"
    reason = f"{upstream.name} {what} on timeline {timeline}, newer than {own.timeline} here"
    return Decision(FOLLOW, upstream.name, reason, patience=AT_ONCE if writable else LONG)


def _by_policy(reason: str, policy: str) -> Decision:
    return Decision(START if policy == START else REFUSE, None, reason, unsure=True)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(names)


def with_settings(text: str, owned: Sequence[str], lines: Sequence[str]) -> str:
    """The text of a configuration file with these lines instead of all that set one of the owned settings. Pure."""
    sets_owned = re.compile(rf"[ \t\r]*({'|'.join(map(re.escape, owned))})(?![A-Za-z0-9_.])", re.IGNORECASE)
    kept = "".join(line for line in text.splitlines(keepends=True) if not sets_owned.match(line))
    return (kept if not kept or kept.endswith("\n") else f"{kept}\n") + "".join(f"{line}\n" for line in lines)


def own_from(control: str) -> Own:
    """Read what pg_controldata printed. Raises LookupError or ValueError. Pure."""
    parts = (line.partition(":") for line in control.splitlines())
    values = {label.strip(): value.strip() for label, dummy, value in parts}
    # after a promotion the checkpoint's timeline is the old one for a while
    timeline = max(
        int(values["Latest checkpoint's TimeLineID"]), int(values.get("Min recovery ending loc's timeline", "0"))
    )
    # Every base backup begins with a new WAL file, and initdb's is number 1.
    first_file = values.get("Latest checkpoint's REDO WAL file") == f"{1:08X}{0:08X}{1:08X}"
    stopped = values.get("Database cluster state") == "shut down"
    return Own(values["Database system identifier"], timeline, timeline == 1 and first_file, stopped)


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    milliseconds = 1000 * int(config["connect_timeout"])
    return {
        **inherited,
        "LC_ALL": "C",
        "HOME": pwd.getpwuid(os.geteuid()).pw_dir,
        "PGPASSFILE": str(config["passfile"]),
        "PGOPTIONS": f"-c statement_timeout={milliseconds} -c default_transaction_read_only=off",
    }


def _program(config: Mapping[str, Any], program: str, *arguments: str, seconds: float) -> str:
    """What a program of PostgreSQL's printed. Raises RuntimeError with its last words, OSError or TimeoutExpired."""
    command = [os.path.join(config["bin_directory"], program), *arguments]
    outcome = subprocess.run(
        command, env=_environment(config), cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
        timeout=seconds, check=False, encoding="utf-8", errors="replace",
    )  # fmt: skip
    if outcome.returncode != 0:
        words = " ".join(outcome.stderr.split())
        raise RuntimeError(words[-300:] or f"{program} ended with {outcome.returncode}")
    return outcome.stdout


def _query(config: Mapping[str, Any], peer: Mapping[str, Any], more: str, query: str, deadline: float) -> list[str]:
    """The first row. In a connection string the last of a repeated keyword counts."""
    timeout = f"connect_timeout={int(config['connect_timeout'])}"
    target = f"{peer['conninfo']} dbname=postgres application_name=hotstandby_boot_guard {timeout} {more}"
    output = _program(
        config, "psql", "-X", "-A", "-t", "-q", "-w", "-d", target, "-c", query,
        seconds=max(0.1, deadline - time.monotonic()),
    )  # fmt: skip
    return output.strip().split("|")


def greet(peer: Mapping[str, Any], user: str, seconds: float) -> View:
    """Knock as a client does, and say no more: what lives there, whether or not it would let this node in."""
    view = View(str(peer["name"]))
    words = f"user\0{user}\0database\0postgres\0\0".encode()
    try:
        connection = socket.create_connection((peer["host"], peer["port"]), seconds)
    except ConnectionError as error:
        return view._replace(sign=DOWN, trouble=error.strerror or str(error))
    except OSError as error:
        return view._replace(trouble=error.strerror or str(error))
    try:
        with connection:
            connection.sendall(struct.pack("!II", 8 + len(words), 3 << 16) + words)
            answer = _message(connection)
    except ConnectionError as error:
        return view._replace(sign=DOWN, trouble=error.strerror or str(error))
    except OSError:
        return view._replace(sign=LIVES, trouble="it takes connections and says nothing")
    return heard(view, answer)


def _message(connection: socket.socket) -> bytes:
    """The first bytes of an answer, or the whole of an error."""
    answer = b""
    while True:
        part = connection.recv(4096)
        answer += part
        if not part or answer[:1] != b"E" or (len(answer) > 4 and len(answer) > struct.unpack("!I", answer[1:5])[0]):
            return answer


def heard(view: View, answer: bytes) -> View:
    """What the first answer of a server, or of a guard, says. Pure."""
    if not answer:
        return view._replace(sign=DOWN, trouble="it hung up")
    parts = answer[5:].decode("utf-8", "replace").split("\0") if answer[:1] == b"E" else []
    error = {part[:1]: part[1:] for part in parts if part}
    words = error.get("M", "")
    claim = CLAIM.search(words)
    if claim:
        return view._replace(sign=WAITS, system_identifier=claim[1], timeline=int(claim[2]), trouble="not started yet")
    if error.get("C") == CANNOT_CONNECT_NOW:
        return view._replace(sign=STARTING, in_recovery=NOT_CONSISTENT in words or None, trouble=words)
    return view._replace(sign=LIVES)


def claim_of(own: Own) -> bytes:
    """The answer of a server that is starting up, with what other guards have to know. Pure."""
    words = f"boot guard of cluster {own.system_identifier} on timeline {own.timeline}: the server is not started yet"
    body = f"SFATAL\0VFATAL\0C{CANNOT_CONNECT_NOW}\0M{words}\0\0".encode()
    return b"E" + struct.pack("!I", 4 + len(body)) + body


def speak(config: Mapping[str, Any], own: Own) -> None:
    """Tell whoever knocks at the server's port what would come up there, until this process ends."""
    for address in (config["address"], ""):  # the others may know the host by an address that it does not have itself
        with suppress(OSError):
            family = socket.getaddrinfo(config["address"], None, type=socket.SOCK_STREAM)[0][0]
            listener = socket.create_server((address, config["port"]), family=family)
            Thread(target=_answer, args=(listener, claim_of(own)), daemon=True).start()
            return


def _answer(listener: socket.socket, words: bytes) -> None:
    while True:
        with suppress(OSError), listener.accept()[0] as connection:
            connection.settimeout(1)
            connection.recv(1024)
            connection.sendall(words)


def ask(config: Mapping[str, Any], peer: Mapping[str, Any]) -> View:
    """What a peer says of itself. Never raises what belongs to TROUBLE."""
    seconds = int(config["connect_timeout"])
    view = greet(peer, config["user"], seconds)
    if view.sign != LIVES or view.trouble:
        return view
    deadline = time.monotonic() + 2 * seconds + 1
    # first whether it takes writes: if it is promoted between the two, its old role is taken for the present one,
    # but never an old timeline for that of a primary; each by itself, since a server may have room for one of them
    for more, query in (("", "SELECT pg_catalog.pg_is_in_recovery()"),
                        ("replication=true", "SHOW transaction_read_only"),
                        ("replication=true", "IDENTIFY_SYSTEM")):  # fmt: skip
        try:
            if query == "IDENTIFY_SYSTEM":
                identity = _query(config, peer, more, query, deadline)
                view = view._replace(system_identifier=identity[0], timeline=int(identity[1]))
            elif view.in_recovery is None:
                answer = _query(config, peer, more, query, deadline)[0]
                view = view._replace(in_recovery={"t": True, "f": False, "on": True, "off": False}[answer])
        except subprocess.TimeoutExpired:
            view = view._replace(trouble=view.trouble or "no answer in time")
        except TROUBLE as error:
            view = view._replace(trouble=view.trouble or str(error) or type(error).__name__)
    return view


def awake_seconds() -> float:
    """Seconds since the first process of this host (or container) was started."""
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    with suppress(*TROUBLE), open("/proc/1/stat", encoding="ascii", errors="replace") as file:
        return now - int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return now


def look_around(config: Mapping[str, Any], own: Own, policy: str) -> Decision:
    """Ask all peers at once, and again as long as somebody may still come up who knows better."""
    peers = list(config["peers"])
    views = [View(str(peer["name"])) for peer in peers]
    begun = time.monotonic()
    with ThreadPoolExecutor(max_workers=max(1, len(peers))) as pool:
        while True:
            views = remember(views, list(pool.map(lambda peer: ask(config, peer), peers)))
            decision = decide(own, views, policy)
            if not ask_again(decision, own, views, config, time.monotonic() - begun, awake_seconds()):
                return decision
            time.sleep(RETRY_SECONDS)


def _write(path: str, text: str) -> None:
    """Create or replace a private file in one step that survives a crash."""
    scratch = f"{path}.new"
    with suppress(FileNotFoundError):
        os.unlink(scratch)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def become_standby(config: Mapping[str, Any], upstream: str) -> None:
    """Make the data directory that of a standby. Settings first: without the signal file they mean nothing."""
    peer = next(peer for peer in config["peers"] if peer["name"] == upstream)
    settings = os.path.join(config["data_directory"], config["settings_file"])
    signal = os.path.join(config["data_directory"], config["standby_file"])
    text = ""
    with suppress(FileNotFoundError), open(settings, encoding="utf-8", errors="surrogateescape", newline="") as file:
        text = file.read()
    _write(settings, with_settings(text, config["owned_settings"], peer["settings"]))
    if signal != settings:
        _write(signal, "")


def become_owner(name: str) -> None:
    """Let go of root: PostgreSQL's programs do not run as root, and files have to belong to the owner.

    Not to whom the data directory belongs now: its owner may put a link to another account's files there.
    """
    if os.geteuid() != 0:
        return
    owner = pwd.getpwnam(name)
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    if os.geteuid() == 0:
        raise RuntimeError(f"{name} is root")


def show_signals(config: Mapping[str, Any]) -> bool:
    """Put back the signal files that a rewind has hidden, which was cut off; whether there were any."""
    directory, found = config["data_directory"], False
    for hidden, name in config["hidden_files"].items():
        if os.path.lexists(os.path.join(directory, hidden)):
            found = True
            if not os.path.lexists(os.path.join(directory, name)):
                os.rename(os.path.join(directory, hidden), os.path.join(directory, name))
    if found and not os.path.lexists(os.path.join(directory, config["standby_file"])):
        _write(os.path.join(directory, config["standby_file"]), "")
    return found


def own_of(config: Mapping[str, Any]) -> Own:
    """This node. Raises what is in TROUBLE."""
    directory = config["data_directory"]
    own = own_from(_program(config, "pg_controldata", "-D", directory, seconds=CONTROL_SECONDS))
    age = time.time() - os.stat(os.path.join(directory, "global", "pg_control")).st_mtime
    return own._replace(restarted=own.stopped and 0 <= age < min(RESTART_SECONDS, awake_seconds()))


def judge(config: Mapping[str, Any], policy: str) -> Decision | None:
    """Look at this node and at the others; None when it is not going to be writable. Raises what is in TROUBLE."""
    directory = os.fspath(config["data_directory"])
    if not os.path.isdir(directory):
        return None
    if not os.path.exists(os.path.join(directory, "global", "pg_control")):
        return None
    try:
        if show_signals(config):
            return Decision(START, None, "as a standby: a rewind was cut off that had hidden its signal file")
    except TROUBLE as error:
        return Decision(REFUSE, None, f"a rewind was cut off, and its signal file cannot be put back: {error}")
    if os.path.lexists(os.path.join(directory, config["standby_file"])):
        return None
    own = own_of(config)
    if own.never_copied:
        return Decision(START, None, "this cluster has never had a standby")
    speak(config, own)
    return look_around(config, own, policy)


def guard(path: str, policy: str, owner: str) -> Decision | None:
    """The decision, carried out. Raises nothing that belongs to TROUBLE."""
    try:
        become_owner(owner)
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        decision = judge(config, policy)
    except TROUBLE as error:
        return _by_policy(f"cannot look around: {type(error).__name__}: {error}", policy)
    if decision and decision.action == FOLLOW and decision.upstream:
        try:
            become_standby(config, decision.upstream)
        except TROUBLE as error:
            return decision._replace(action=REFUSE, reason=f"{decision.reason}; cannot be made its standby: {error}")
    return decision


def sentence(decision: Decision) -> str:
    """One line for the log."""
    told = {START: "started", FOLLOW: f"started as a standby of {decision.upstream}", REFUSE: "not started"}
    text = f"boot guard: {told[decision.action]}: {decision.reason}"
    if decision.action == REFUSE:
        text += " (see who is primary with status.yml; to bring it back into the cluster run rejoin.yml"
        text += ", to start it all the same set postgres_boot_guard_when_unsure to start)" if decision.unsure else ")"
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int:
    if list(arguments) == ["self-test"]:
        print(f"boot guard: Python {sys.version.split()[0]}")
        return 0 if sys.version_info >= (3, 9) else 1
    if len(arguments) != 3 or arguments[1] not in (START, REFUSE):
        told = "boot guard: not started: call it with its configuration, start or refuse, and the owner of the cluster"
        print(told, file=sys.stderr)
        return 1
    decision = guard(arguments[0], arguments[1], arguments[2])
    if decision is None:
        return 0
    print(sentence(decision), file=sys.stderr)
    return 1 if decision.action == REFUSE else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
