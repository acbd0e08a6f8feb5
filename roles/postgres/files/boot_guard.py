# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot guard: a server that was primary does not come up writable beside another primary.

    python3 -I boot_guard.py CONFIGURATION start|refuse

Asked before a server is started. Exit code 0: start it (it may be a standby now), 1: do not. Says on stderr why.
The last argument is what to do when it cannot tell. It needs nothing but Python 3.9 and PostgreSQL's own programs.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, NamedTuple

START, FOLLOW, REFUSE = "start", "follow", "refuse"
TROUBLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, subprocess.SubprocessError
)  # fmt: skip
# What libpq says while this host has no network yet: then, and only then, it is worth asking again.
NETWORK_DOWN = re.compile(r"unreachable|No route to host|could not translate host name|assign requested address")
RETRY_SECONDS = 0.5
CONTROL_SECONDS = 10


class Own(NamedTuple):
    """This node's control file. never_copied: no base backup was ever taken of it, so that it has no standby."""

    system_identifier: str
    timeline: int
    never_copied: bool


class View(NamedTuple):
    """Another node as seen from here. in_recovery None: it did not answer; trouble says why."""

    name: str
    in_recovery: bool | None = None
    system_identifier: str | None = None
    timeline: int | None = None
    trouble: str = ""


class Decision(NamedTuple):
    """What to do (START, FOLLOW or REFUSE), whom to follow, why, and whether it was the policy that decided."""

    action: str
    upstream: str | None
    reason: str
    unsure: bool = False


def decide(own: Own, views: Sequence[View], policy: str) -> Decision:
    """Judge a server that would come up writable. Pure."""
    ours = [view for view in views if view.timeline and view.system_identifier == own.system_identifier]
    newer = [view for view in ours if (view.timeline or 0) > own.timeline]
    if newer:
        return _follow_newest(own, newer)
    for view in views:
        if view.in_recovery is False and view.timeline is None:
            reason = f"{view.name} takes writes and does not say on which timeline: {view.trouble}"
            return Decision(REFUSE, None, reason)
    rivals = [view.name for view in ours if not view.in_recovery and view.timeline == own.timeline]
    if rivals:
        return Decision(REFUSE, None, f"{_listed(rivals)} takes writes on the same timeline {own.timeline}")
    if 2 * (1 + len(ours)) > 1 + len(views):
        seen = f"{_listed([view.name for view in ours])} seen" if ours else "there is nobody to ask"
        return Decision(START, None, f"no newer primary than this node on timeline {own.timeline} ({seen})")
    unseen = [f"{view.name} ({view.trouble or 'another cluster'})" for view in views if view not in ours]
    reason = f"cannot tell whether another node is primary, no majority answered: {'; '.join(unseen)}"
    return _by_policy(reason, policy)


def _follow_newest(own: Own, newer: Sequence[View]) -> Decision:
    timeline = max(view.timeline or 0 for view in newer)
    newest = [view for view in newer if view.timeline == timeline]
    writable = [view for view in newest if not view.in_recovery]
    if len(writable) > 1:
        rivals = _listed([view.name for view in writable])
        return Decision(REFUSE, None, f"{rivals} take writes on timeline {timeline}, newer than {own.timeline} here")
    upstream = (writable or newest)[0]
    what = "is primary" if writable else "follows a primary"
    reason = f"{upstream.name} {what} on timeline {timeline}, newer than {own.timeline} here"
    return Decision(FOLLOW, upstream.name, reason)


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
    return Own(values["Database system identifier"], timeline, timeline == 1 and first_file)


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    milliseconds = 1000 * int(config["connect_timeout"])
    return {
        **inherited,
        "LC_ALL": "C",
        "HOME": pwd.getpwuid(os.geteuid()).pw_dir,
        "PGPASSFILE": str(config["passfile"]),
        "PGOPTIONS": f"-c statement_timeout={milliseconds}",
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


def ask(config: Mapping[str, Any], peer: Mapping[str, Any], deadline: float) -> View:
    """What a peer says of itself. Never raises what belongs to TROUBLE."""
    view = View(str(peer["name"]))
    try:
        # first whether it takes writes: if it is promoted between the two, its old role is taken for the present one,
        # but never an old timeline for that of a primary
        answer = _query(config, peer, "", "SELECT pg_catalog.pg_is_in_recovery()", deadline)[0]
        view = view._replace(in_recovery={"t": True, "f": False}[answer])
        identity = _query(config, peer, "replication=true", "IDENTIFY_SYSTEM", deadline)
        return view._replace(system_identifier=identity[0], timeline=int(identity[1]))
    except subprocess.TimeoutExpired:
        return view._replace(trouble="no answer in time")
    except TROUBLE as error:
        return view._replace(trouble=str(error) or type(error).__name__)


def look_around(config: Mapping[str, Any]) -> list[View]:
    """Ask all peers at once; the whole of it takes little more than twice connect_timeout (seconds)."""
    peers = list(config["peers"])
    deadline = time.monotonic() + 2 * int(config["connect_timeout"]) + 1
    with ThreadPoolExecutor(max_workers=max(1, len(peers))) as pool:
        while True:
            views = list(pool.map(lambda peer: ask(config, peer, deadline), peers))
            without_network = all(view.in_recovery is None and NETWORK_DOWN.search(view.trouble) for view in views)
            if not peers or not without_network or time.monotonic() + RETRY_SECONDS > deadline:
                return views
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


def become_owner(directory: str) -> None:
    """Let go of root: PostgreSQL's programs do not run as root, and files have to belong to the owner."""
    if os.geteuid() != 0:
        return
    owner = pwd.getpwuid(os.stat(directory).st_uid)
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    if os.geteuid() == 0:
        raise RuntimeError(f"{directory} belongs to root")


def judge(config: Mapping[str, Any], policy: str) -> Decision | None:
    """Look at this node and at the others; None when it is not going to be writable. Raises what is in TROUBLE."""
    directory = os.fspath(config["data_directory"])
    if not os.path.isdir(directory):
        return None
    become_owner(directory)
    is_cluster = os.path.exists(os.path.join(directory, "global", "pg_control"))
    if not is_cluster or os.path.lexists(os.path.join(directory, config["standby_file"])):
        return None
    own = own_from(_program(config, "pg_controldata", "-D", directory, seconds=CONTROL_SECONDS))
    if own.never_copied:
        return Decision(START, None, "this cluster has never had a standby")
    return decide(own, look_around(config), policy)


def guard(path: str, policy: str) -> Decision | None:
    """The decision, carried out. Raises nothing that belongs to TROUBLE."""
    try:
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
        text += " (see the runbooks; to bring it back into the cluster run rejoin.yml"
        text += ", to start it all the same set postgres_boot_guard_when_unsure to start)" if decision.unsure else ")"
    return " ".join(text.split())


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2 or arguments[1] not in (START, REFUSE):
        print("boot guard: not started: call it with its configuration and start or refuse", file=sys.stderr)
        return 1
    decision = guard(arguments[0], arguments[1])
    if decision is None:
        return 0
    print(sentence(decision), file=sys.stderr)
    return 1 if decision.action == REFUSE else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
