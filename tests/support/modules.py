# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module of the collection for real: in a process of its own, as the unprivileged account."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.account import UMASK, make_directory, remove_directory, test_account

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.hotstandby.postgresql"
# Runs below the copied tree. Parameters come over stdin, so that no secret is in argv or in a file.
DRIVER = f"""\
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
name, parameters = sys.argv[1], json.load(sys.stdin)
with patch_module_args(parameters):
    runpy.run_module("{COLLECTION}.plugins.modules." + name, run_name="__main__", alter_sys=True)
"""


class ModuleCrashError(AssertionError):
    """The module ended without a JSON result: a bug in it, never an expected failure."""


@dataclass
class ModuleProcess:
    """A module that runs."""

    name: str
    process: subprocess.Popen[str]
    timeout: float
    stdout: str = ""
    stderr: str = ""

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL the module; with group=True the programs that it started as well."""
        if group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()

    def wait(self) -> dict[str, Any]:
        """The JSON result, of a failed module too; of a killed one: failed, msg and rc (minus the signal)."""
        try:
            self.stdout, self.stderr = self.process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            self.kill(group=True)
            self.stdout, self.stderr = self.process.communicate()
            raise ModuleCrashError(f"{self.name} ran longer than {self.timeout:g} s\n{self.stderr}") from None
        if self.process.returncode < 0:
            number = -self.process.returncode
            return {"failed": True, "msg": f"killed by signal {number}", "rc": self.process.returncode}
        try:
            result = json.loads(self.stdout)
        except ValueError:
            raise ModuleCrashError(
                f"{self.name}: exit {self.process.returncode}\n{self.stdout}{self.stderr}"
            ) from None
        if not isinstance(result, dict):
            raise ModuleCrashError(f"{self.name}: not a result: {self.stdout}")
        result.setdefault("failed", False)
        return result


def start_module(
    name: str,
    params: Mapping[str, Any],
    *,
    check_mode: bool = False,
    diff: bool = False,
    environ: Mapping[str, str] | None = None,
    timeout: float = 120,
    umask: int = UMASK,
) -> ModuleProcess:
    """Start the module; use `wait` for its result, `kill` to cut it off. None values are left out."""
    tree = readable_tree()
    arguments = {
        **{key: plain(value) for key, value in params.items() if value is not None},
        "_ansible_check_mode": check_mode,
        "_ansible_diff": diff,
        "_ansible_no_log": False,
        "_ansible_remote_tmp": str(tree / "tmp"),
    }
    process = test_account().popen(
        [interpreter(), "-B", str(tree / "driver.py"), name],
        environ={"PYTHONPATH": str(tree), **(environ or {})},
        home=tree / "home",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        umask=umask,
    )
    if process.stdin is None:
        raise RuntimeError("no stdin")
    process.stdin.write(json.dumps(arguments))
    process.stdin.close()
    process.stdin = None  # communicate() must not touch it again
    return ModuleProcess(name, process, timeout)


def run_module(
    name: str,
    params: Mapping[str, Any],
    *,
    check_mode: bool = False,
    diff: bool = False,
    environ: Mapping[str, str] | None = None,
    timeout: float = 120,
    umask: int = UMASK,
) -> dict[str, Any]:
    """Run the module to its end and return its JSON result; `failed` is always in it."""
    return start_module(
        name, params, check_mode=check_mode, diff=diff, environ=environ, timeout=timeout, umask=umask
    ).wait()


def plain(value: Any) -> Any:
    """JSON has no paths."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


@functools.cache
def readable_tree() -> Path:
    """A copy of all that a module imports, readable by the account, made once per test run."""
    account = test_account()
    tree = make_directory("hs-modules-", account)
    atexit.register(remove_directory, tree)
    plugins = Path("ansible_collections/hotstandby/postgresql/plugins")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "plugins", tree / plugins, ignore=ignored)
    ansible = package_directory("ansible")
    for part in ("module_utils", "_vendor"):
        shutil.copytree(ansible / part, tree / "ansible" / part, ignore=ignored)
    for part in ("__init__.py", "release.py"):
        shutil.copy(ansible / part, tree / "ansible" / part)
    psycopg2 = package_directory("psycopg2")
    for source in (psycopg2, psycopg2.parent / "psycopg2_binary.libs"):
        if source.exists():
            shutil.copytree(source, tree / source.name, ignore=ignored)
    (tree / "driver.py").write_text(DRIVER, encoding="utf-8")
    for name in ("home", "tmp"):
        (tree / name).mkdir(mode=0o700)
        account.own(tree / name)
    # a module is run many hundred times: its code is compiled once, by the Python that runs it
    subprocess.run([interpreter(), "-m", "compileall", "-q", "-q", str(tree)], check=False)
    make_readable(tree)
    return tree


def make_readable(tree: Path) -> None:
    """Let everybody read, whatever the umask and the modes in the checkout were."""
    for path in tree.rglob("*"):
        if path.name not in {"home", "tmp"}:
            path.chmod(0o755 if path.is_dir() else 0o644)


def package_directory(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(
            f"the Python package {name} is not installed for {sys.executable}; run `make venv`"
        )
    return Path(spec.origin).parent


@functools.cache
def interpreter() -> str:
    """A Python of our own minor version that the account can execute (compiled psycopg2 depends on it)."""
    short = f"python3.{sys.version_info.minor}"
    candidates = [sys.executable, f"/usr/bin/{short}", f"/usr/local/bin/{short}"]
    for candidate in candidates:
        try:
            process = test_account().popen(
                [candidate, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        except OSError:
            continue
        if process.wait() == 0:
            return candidate
    raise RuntimeError(f"{test_account().name} can execute none of {', '.join(candidates)}; install {short}")
