# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root acts as the account that controls a directory; anybody else is what he is."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.as_owner import (
    NOBODY,
    Account,
    acting_as,
    acting_as_owner_of,
    controller_of,
    open_regular,
    read_regular,
)
from support.account import remove_directory

IS_ROOT = os.geteuid() == 0
# No such account has to be on the host.
UID, GID = 64123, 64124
SECRET = "root's own"

only_root = pytest.mark.skipif(not IS_ROOT, reason="only root can give files away, or act as somebody else")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody may pass through, whoever runs the tests; nobody else may write it."""
    path = Path(tempfile.mkdtemp(prefix="hs-owner-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    remove_directory(path)


def owned(path: Path, mode: int = 0o755) -> Path:
    """Make a directory of the account."""
    path.mkdir()
    os.chown(path, UID, GID)
    path.chmod(mode)
    return path


def identity() -> tuple[int, int, list[int]]:
    return os.geteuid(), os.getegid(), sorted(os.getgroups())


def as_account(work: Callable[[], None]) -> int:
    """Let a child that is the account, and cannot become root again, do something; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setgroups([])
        os.setresgid(GID, GID, GID)
        os.setresuid(UID, UID, UID)
        work()
    finally:
        os._exit(0)


@contextmanager
def attacker(work: Callable[[], None]) -> Iterator[None]:
    """The account does something over and over."""

    def loop() -> None:
        while True:
            with suppress(OSError):
                work()

    pid = as_account(loop)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_who_is_not_root_stays_who_he_is(place: Path) -> None:
    """As root the same holds below directories of root's."""
    before = identity()
    with acting_as_owner_of(str(place / "file")):
        assert identity() == before
        (place / "file").write_text("x")
    assert identity() == before
    assert (place / "file").stat().st_uid == os.geteuid()


@pytest.mark.skipif(IS_ROOT, reason="root does change")
def test_who_is_not_root_cannot_act_as_another() -> None:
    before = identity()
    with acting_as(Account(UID, GID, ())):
        assert identity() == before


@only_root
def test_root_acts_as_the_owner_and_is_root_again(place: Path) -> None:
    directory = owned(place / "theirs")
    before = identity()
    with acting_as_owner_of(str(directory / "file")):
        assert identity() == (UID, GID, [GID])
        (directory / "file").write_text("x")
    assert identity() == before
    assert ((directory / "file").stat().st_uid, (directory / "file").stat().st_gid) == (UID, GID)
    with pytest.raises(PermissionError), acting_as_owner_of(str(directory)):
        (place / "mine").write_text("x")
    assert identity() == before
    with acting_as_owner_of(str(directory)), acting_as_owner_of(str(directory)):
        assert identity() == (UID, GID, [GID])
    assert identity() == before


@only_root
def test_what_lies_below_a_directory_of_the_account_is_the_accounts(place: Path) -> None:
    directory = owned(place / "theirs")
    (directory / "roots").mkdir()
    (directory / "roots" / "file").write_text("x")
    expected = Account(UID, GID, (GID,))
    for name in ("roots", "roots/file", "missing", "missing/file", "../theirs/x"):
        assert controller_of(str(directory / name)) == expected, name
    assert controller_of(str(place)) is None
    assert controller_of(str(place / "missing" / "file")) is None


@only_root
def test_a_link_of_roots_is_followed_and_a_link_of_the_account_is_the_accounts(place: Path) -> None:
    directory = owned(place / "theirs")
    (place / "absolute").symlink_to(directory)
    (place / "relative").symlink_to("../" + place.name + "/theirs")
    (place / "circle").symlink_to("circle")
    expected = Account(UID, GID, (GID,))
    assert controller_of(str(place / "absolute" / "file")) == expected
    assert controller_of(str(place / "relative" / "file")) == expected
    with pytest.raises(OSError, match="too many links"):
        controller_of(str(place / "circle" / "file"))
    (place / "given").symlink_to("/etc")
    assert controller_of(str(place / "given" / "passwd")) is None
    os.lchown(place / "given", UID, GID)
    assert controller_of(str(place / "given" / "passwd")) == expected


@only_root
def test_in_a_directory_that_others_may_write_the_owner_of_the_file_acts_or_nobody(place: Path) -> None:
    nobody = Account(NOBODY, NOBODY, ())
    for mode, of_root in ((0o1777, None), (0o1775, None), (0o777, nobody), (0o775, nobody)):
        shared = place / oct(mode)
        shared.mkdir()
        os.chown(shared, 0, GID)
        shared.chmod(mode)
        (shared / "theirs").write_text("x")
        os.chown(shared / "theirs", UID, GID)
        (shared / "roots").write_text("x")
        assert controller_of(str(shared / "theirs")) == Account(UID, GID, (GID,)), oct(mode)
        assert controller_of(str(shared / "roots")) == of_root, oct(mode)
        assert controller_of(str(shared / "missing")) == nobody, oct(mode)
        os.link(shared / "roots", shared / "second")
        assert controller_of(str(shared / "second")) == nobody, oct(mode)


@only_root
def test_the_groups_of_root_alone_are_not_others(place: Path) -> None:
    place.chmod(0o775)
    (place / "file").write_text("x")
    assert controller_of(str(place / "file")) is None


@only_root
def test_a_planted_link_opens_no_file_of_roots(place: Path) -> None:
    secret = place / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    directory = owned(place / "theirs")
    os.waitpid(as_account(lambda: (directory / "link").symlink_to(secret)), 0)
    with pytest.raises(PermissionError), acting_as_owner_of(str(directory / "link")):
        (directory / "link").read_text()
    with pytest.raises(PermissionError), acting_as_owner_of(str(directory / "link")):
        (directory / "link").write_text("overwritten")
    with pytest.raises(PermissionError), acting_as_owner_of(str(directory / "link")):
        os.chown(directory / "link", UID, GID)
    assert secret.read_text() == SECRET
    assert secret.stat().st_uid == 0


@only_root
def test_swaps_while_root_works_open_no_file_of_roots(place: Path) -> None:
    """The account swaps a directory, and a file in it, for links to root's, over and over."""
    vault = place / "vault"
    vault.mkdir(0o700)
    for name in ("file", "new"):
        (vault / name).write_text(SECRET)
    directory = owned(place / "theirs")

    def swap() -> None:
        inner = directory / "inner"
        with suppress(OSError):
            inner.mkdir()
        with suppress(OSError):
            (inner / "file").write_text("theirs")
        os.rename(inner, directory / "aside")
        inner.symlink_to(vault)
        inner.unlink()
        os.rename(directory / "aside", inner)
        (inner / "file").unlink()
        (inner / "file").symlink_to(vault / "file")
        (inner / "file").unlink()

    seen = set()
    with attacker(swap):
        until = time.monotonic() + 1
        while time.monotonic() < until:
            for name in ("file", "new"):
                path = str(directory / "inner" / name)
                with suppress(OSError), acting_as_owner_of(path), open(path, encoding="utf-8") as file:
                    seen.add(file.read())
                with suppress(OSError), acting_as_owner_of(path), open(path, "w", encoding="utf-8") as file:
                    file.write("by the module")
    assert seen, "the module never had a file: nothing was tried"
    assert SECRET not in seen
    assert {path.read_text() for path in vault.iterdir()} == {SECRET}
    assert sorted(path.name for path in vault.iterdir()) == ["file", "new"]
    assert identity()[0] == 0


def test_only_a_regular_file_is_read_and_nothing_is_waited_for(place: Path) -> None:
    (place / "file").write_bytes(b"text \xff\r\n")
    assert read_regular(str(place / "file")) == "text \udcff\r\n"
    os.mkfifo(place / "fifo")
    for name in ("fifo", ".", "missing"):
        with pytest.raises(OSError, match=r"not a regular file|No such file"), open_regular(str(place / name)):
            pass
    with pytest.raises(OSError, match="not a regular file"):
        read_regular("/dev/zero")
