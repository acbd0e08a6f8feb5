# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sees that a Docker engine answers: installs and starts one where there is none (root, Debian or Ubuntu)."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import DockerException

PACKAGES = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
START_TIMEOUT_SECONDS = 60.0


class HostsError(Exception):
    """The test hosts cannot be had; the message is one line and says what is missing."""


def cache_directory() -> Path:
    """Where what outlives a test run is kept: outside the checkout, for this user only."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "hotstandby-postgresql"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def search_path() -> str:
    """PATH with the directories of administration, which an ordinary user's lacks."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def engine_fault() -> str:
    """Why the engine cannot be used, or "" when it answers."""
    try:
        client = docker.from_env(timeout=10)
    except DockerException as error:
        return _one_line(error)
    try:
        client.ping()
    except (DockerException, OSError) as error:
        return _one_line(error)
    finally:
        client.close()
    return ""


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the lock `name` against other runs of this user."""
    with (cache_directory() / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def ensure_docker() -> docker.DockerClient:
    """A client of an engine that answers.

    :raises HostsError: there is none and none could be installed and started.
    """
    with lock("engine"):  # another run, or another worker of this one, may be at it
        install_missing()
        fault = engine_fault()
        if fault:
            _start_engine(fault)
    return docker.from_env(timeout=120)


def install_missing() -> None:
    """Install what the test hosts need of this machine."""
    missing = sorted({package for program, package in PACKAGES.items() if not _installed(program)})
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise HostsError(f"the test hosts need {names}: as root on Debian, apt-get install {names}")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        # another apt-get may be at work, as on a machine that has just booted: wait for it
        command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HostsError(f"apt-get could not install {names}: {_last_line(done.stderr + done.stdout)}")


def _installed(program: str) -> bool:
    if program == "dockerd" and not engine_fault():
        return True  # an engine that answers may well run elsewhere
    return shutil.which(program, path=search_path()) is not None


def _start_engine(fault: str) -> None:
    if os.geteuid() != 0 or os.environ.get("DOCKER_HOST"):
        raise HostsError(f"no Docker engine answers ({fault}): start one, and let this user reach it")
    log = cache_directory() / "dockerd.log"
    process: subprocess.Popen[bytes] | None = None
    if Path("/run/systemd/system").is_dir():
        subprocess.run(["systemctl", "start", "docker.service"], capture_output=True, check=False)
    else:
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["dockerd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # it outlives the run that started it
                cwd="/",
                env={**os.environ, "PATH": search_path()},
            )
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while engine_fault():
        if process is not None and process.poll() is not None:
            raise HostsError(f"dockerd ended at once: {_last_line(log.read_text(errors='replace'))} ({log})")
        if time.monotonic() > deadline:
            raise HostsError(f"no Docker engine after {START_TIMEOUT_SECONDS:.0f} s: {engine_fault()}")
        time.sleep(0.1)  # between two looks


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
