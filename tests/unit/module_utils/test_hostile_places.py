# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What module server does as root below directories of an account that plants links, fifos and pids there."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import Account, owner_of
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.directories import directory_bytes
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import Instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.orphans import send, server_processes
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.postmaster import (
    Postmaster,
    running_postmaster,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._module import entry
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.control import ServerControl
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.log import LogWatch
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.port_holder import find_holder
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.services import PgCtl
from ansible_collections.hotstandby.postgresql.plugins.module_utils._service.start_conf import (
    set_start_keyword,
    start_keyword,
)
from support.account import remove_directory

# No such accounts have to be on the host.
UID, OTHER_UID, GID = 64123, 64125, 64124
SECRET = "auto, and only root knows"
PID_FILE = "{pid}\n{data}\n1700000000\n5433\n/run\n127.0.0.1\n  1 2\nready\n"

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away, or act as somebody else")


def owned(path: Path, uid: int = UID, mode: int = 0o755) -> Path:
    """Make a directory of the account."""
    path.mkdir()
    os.chown(path, uid, GID)
    path.chmod(mode)
    return path


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of root's that everybody may pass through."""
    path = Path(tempfile.mkdtemp(prefix="hs-places-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    remove_directory(path)


@pytest.fixture
def theirs(place: Path) -> Path:
    return owned(place / "theirs", mode=0o700)


@pytest.fixture
def secret(place: Path) -> Path:
    path = place / "secret"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


@pytest.fixture
def start_server(place: Path) -> Iterator[Callable[[Path, int], int]]:
    """Starts what looks like a server that works in a directory, as a user; returns its pid."""
    program = place / "postgres"
    program.symlink_to("/bin/sleep")
    started: list[subprocess.Popen[bytes]] = []

    def start(directory: Path, uid: int) -> int:
        started.append(subprocess.Popen([str(program), "600"], cwd=directory, user=uid, group=GID, extra_groups=[]))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def write_pid(directory: Path, pid: int) -> None:
    (directory / "postmaster.pid").write_text(PID_FILE.format(pid=pid, data=directory))


def no_program(*_arguments: object, **_options: object) -> tuple[int, str, str]:
    raise AssertionError("no program is needed")


def control_of(directory: Path) -> ServerControl:
    instance = Instance(str(directory), str(directory), "", 5432, "/run")
    return ServerControl(no_program, instance, PgCtl(no_program, instance), 1)


def lives(pid: int) -> bool:
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


@only_root
def test_start_conf_is_no_way_to_a_file_of_roots(theirs: Path, secret: Path) -> None:
    (theirs / "start.conf").symlink_to(secret)
    for act in (lambda: start_keyword(str(theirs)), lambda: set_start_keyword(str(theirs), "manual")):
        with pytest.raises(HotStandbyError) as caught:
            act()
        assert caught.value.name == "cannot_read"
        assert SECRET not in str(caught.value)
    assert secret.read_text() == SECRET
    (theirs / "start.conf").unlink()
    # nor is the name under which the new text is written
    (theirs / "start.conf").write_text("auto\n")
    os.chown(theirs / "start.conf", UID, GID)
    for name in (".start.conf.hotstandby", "start.conf.new"):
        (theirs / name).symlink_to(secret)
    set_start_keyword(str(theirs), "manual")
    assert (theirs / "start.conf").read_text() == "manual\n"
    assert (theirs / "start.conf").stat().st_uid == UID
    assert (secret.read_text(), secret.stat().st_uid) == (SECRET, 0)


@only_root
def test_start_conf_that_is_missing_is_made_by_its_account(theirs: Path, secret: Path) -> None:
    (theirs / "start.conf.new").symlink_to(secret)
    set_start_keyword(str(theirs), "manual")
    status = (theirs / "start.conf").stat()
    assert (status.st_uid, status.st_mode & 0o777) == (UID, 0o644)
    assert start_keyword(str(theirs)) == "manual"
    assert secret.read_text() == SECRET


def test_start_conf_stays_whole_on_a_full_disk(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "start.conf"
    path.write_text("# mine\nauto\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HotStandbyError, match="No space left"):
        set_start_keyword(str(place), "manual")
    assert path.read_text() == "# mine\nauto\n"
    assert [entry.name for entry in place.iterdir()] == ["start.conf"]


@only_root
@pytest.mark.parametrize("how", ["named", "link of a log", "below a link"])
def test_no_word_of_roots_comes_from_a_log(theirs: Path, secret: Path, how: str) -> None:
    log = theirs / "log"
    log.write_text("before\n")
    os.chown(log, UID, GID)
    watch = LogWatch([str(log)], str(theirs))
    with log.open("a") as file:
        file.write("FATAL:  own words\n")
    assert "own words" in watch.added()
    if how == "named":
        (theirs / "current_logfiles").write_text(f"stderr log\nstderr {secret}\nstderr ../secret\n")
    if how == "link of a log":
        log.unlink()
        log.symlink_to(secret)
    if how == "below a link":
        (theirs / "current_logfiles").write_text("stderr elsewhere/secret\n")
        (theirs / "elsewhere").symlink_to(secret.parent)
    assert "root knows" not in watch.added()


def test_nothing_that_is_put_there_is_waited_for(place: Path) -> None:
    for name in ("log", "current_logfiles", "postmaster.pid", "start.conf", ".s.PGSQL.1.lock"):
        os.mkfifo(place / name)
    assert LogWatch([str(place / "log")], str(place)).added().strip() == ""
    assert running_postmaster(str(place)) is None
    assert find_holder(1, [], [str(place)]) is None
    with pytest.raises(HotStandbyError, match="not a regular file"):
        start_keyword(str(place))


@only_root
def test_a_server_of_another_user_is_not_the_accounts(theirs: Path, start_server: Callable[[Path, int], int]) -> None:
    """What stands in postmaster.pid is the account's word: root ends nobody's process for it."""
    theirs.chmod(0o755)
    pid = start_server(theirs, OTHER_UID)
    write_pid(theirs, pid)
    assert running_postmaster(str(theirs)) is None
    assert server_processes(str(theirs)) == []
    said = Postmaster(pid, str(theirs), 0, 5432, "", "", "", found_in=str(theirs))
    send(said, signal.SIGKILL)
    assert lives(pid)
    own = start_server(theirs, UID)
    write_pid(theirs, own)
    found = running_postmaster(str(theirs))
    assert found
    assert server_processes(str(theirs)) == [own]
    send(found, signal.SIGKILL)
    os.waitid(os.P_PID, own, os.WEXITED | os.WNOWAIT)
    assert lives(pid)


@only_root
def test_a_link_to_anothers_directory_ends_no_server_there(
    place: Path, theirs: Path, start_server: Callable[[Path, int], int]
) -> None:
    others = owned(place / "others", OTHER_UID)
    pid = start_server(others, OTHER_UID)
    write_pid(others, pid)
    (theirs / "data").symlink_to(others)
    linked = theirs / "data"
    assert owner_of(str(others)).uid == OTHER_UID
    with pytest.raises(PermissionError):
        owner_of(str(linked))
    assert running_postmaster(str(linked)) is None
    assert server_processes(str(linked)) == []
    with pytest.raises(HotStandbyError) as refused:
        send(Postmaster(pid, str(linked), 0, 5432, "", "", "", found_in=str(linked)), signal.SIGKILL)
    assert refused.value.name == "not_the_owner"
    with pytest.raises(HotStandbyError) as unsure:
        control_of(linked).running()
    assert unsure.value.name == "cannot_read", "no server is not the answer"
    assert "can change what the path leads to" in str(unsure.value)
    assert lives(pid)
    running = control_of(others).running()
    assert running
    assert running.pid == pid


@only_root
def test_root_works_in_no_directory_of_the_account(place: Path, theirs: Path) -> None:
    """But through the modules that know how; and where the host has no such account, nobody acts as it."""
    entry.refuse_root({"data_directory": str(theirs)})
    os.chown(theirs, pwd.getpwnam("nobody").pw_uid, -1)
    for name in ("data_directory", "config_directory", "hba_file", "path"):
        with pytest.raises(HotStandbyError) as caught:
            entry.refuse_root({name: str(theirs)})
        assert caught.value.name == "runs_as_root"
        entry.refuse_root({name: str(place)})
        entry.refuse_root({name: "/nonexistent/directory"})
        entry.refuse_root({name: None})


def test_who_is_not_root_owns_what_he_sees(place: Path) -> None:
    found = owner_of(str(place))
    assert isinstance(found, Account)
    assert found.uid == os.geteuid()


def test_a_link_among_the_wal_is_not_followed(place: Path) -> None:
    """It may lead where the account that looks may not."""
    (place / "000000010000000000000001").write_text("123")
    (place / "big").symlink_to("/proc/self/exe")
    (place / "circle").symlink_to("circle")
    (place / "directory").mkdir()
    assert directory_bytes(str(place)) == 3
