# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module instance with the layout debian, by root in directories of an account that plants links there."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.commands import Commands
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.instance import debian_log
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance import maker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.look import WantedInstance, look_at
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.maker import InstanceMaker
from ansible_collections.hotstandby.postgresql.plugins.module_utils._instance.plan import plan_instance
from ansible_collections.hotstandby.postgresql.plugins.module_utils._postgres.dialect import dialect_for
from support.account import make_directory, remove_directory
from support.account import test_account as account_of_tests
from support.servers import programs_for_tests

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes instances of this layout"),
    pytest.mark.skipif(not os.path.exists("/usr/bin/pg_createcluster"), reason="Debian's programs are not here"),
]
INSTANCE = "hstest"
SECRET = "root's own"


def run_command(command: list[str], **options: Any) -> tuple[int, str, str]:
    """Do what AnsibleModule.run_command does."""
    options.pop("check_rc")
    environment = {**os.environ, **options.pop("environ_update")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **options)
    return done.returncode, done.stdout, done.stderr


@dataclass
class Site:
    """As on Debian: both trees belong to the account, and what is root's lies elsewhere."""

    top: Path
    wanted: WantedInstance

    @property
    def vault(self) -> Path:
        return self.top / "vault"

    def make(self) -> None:
        plan = plan_instance(self.wanted, look_at(self.wanted))
        commands = Commands(run_command, str(programs_for_tests().bin_directory))
        maker = InstanceMaker(run_command, commands, self.wanted, dialect_for(self.wanted.version))
        maker.check()
        maker.carry_out(plan)

    def vault_is_untouched(self) -> bool:
        found = {path.name: (path.read_text(), path.stat().st_uid) for path in self.vault.iterdir()}
        return found == {"secret": (SECRET, 0)} and self.vault.stat().st_uid == 0


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    account = account_of_tests()
    top = make_directory("hs-site-", account)
    os.chown(top, 0, 0)
    for name in ("etc", "var", "run"):
        (top / name).mkdir()
        account.own(top / name)
    version = programs_for_tests().version
    wanted = WantedInstance(
        debian=True,
        initialised=True,
        version=version,
        instance=INSTANCE,
        data_directory=str(top / "var" / version / INSTANCE),
        config_directory=str(top / "etc" / version / INSTANCE),
        wal_directory=None,
        port=54321,
        socket_directory=str(top / "run"),
        owner=account.name,
        data_checksums=True,
        encoding="UTF8",
        locale="C",
        extra_initdb=(),
    )
    made = Site(top, wanted)
    made.vault.mkdir(0o700)
    (made.vault / "secret").write_text(SECRET)
    monkeypatch.setenv("PG_CLUSTER_CONF_ROOT", str(top / "etc"))
    monkeypatch.setattr(maker, "DEBIAN_NOTICE", "/nonexistent/program")
    log = Path(debian_log(version, INSTANCE))
    log.unlink(missing_ok=True)
    yield made
    log.unlink(missing_ok=True)
    remove_directory(top)


def test_an_instance_is_made_and_belongs_to_its_owner(site: Site) -> None:
    site.make()
    uid = account_of_tests().uid
    config, data = Path(site.wanted.config_directory), Path(site.wanted.data_directory)
    assert (data / "PG_VERSION").exists()
    assert {path.stat().st_uid for path in [*config.iterdir(), config, config.parent, data, data.parent]} == {uid}
    assert f"data_directory = '{data}'" in (config / "postgresql.conf").read_text()
    log = Path(debian_log(site.wanted.version, INSTANCE)).stat()
    assert (log.st_uid, stat.S_IMODE(log.st_mode)) == (uid, 0o640)
    assert not plan_instance(site.wanted, look_at(site.wanted)).needed
    assert sorted(path.name for path in data.parent.iterdir()) == [INSTANCE]


def test_where_only_root_may_make_directories_root_does(site: Site) -> None:
    for name in ("etc", "var"):
        os.chown(site.top / name, 0, 0)
    test_an_instance_is_made_and_belongs_to_its_owner(site)


def test_a_link_in_the_place_of_the_new_configuration_leads_to_nothing(site: Site) -> None:
    """The finding: a file of root's was overwritten and given to the account."""
    config = Path(site.wanted.config_directory)
    config.mkdir(parents=True)
    for name in ("postgresql.conf.new", ".postgresql.conf.hotstandby", "start.conf", "environment", "pg_ctl.conf"):
        (config / name).symlink_to(site.vault / "secret")
    (config / "pg_ident.conf").symlink_to(site.vault / "new")
    for path in (config, config.parent):
        account_of_tests().own(path)
    with pytest.raises(HotStandbyError):
        site.make()
    assert site.vault_is_untouched()
    # the program of Debian trips over its own; without those, ours is replaced
    for path in config.iterdir():
        path.unlink()
    (config / ".postgresql.conf.hotstandby").symlink_to(site.vault / "secret")
    site.make()
    assert site.vault_is_untouched()


def test_links_in_the_place_of_directories_lead_to_nothing(site: Site) -> None:
    """No directory is made for the account, or given to it, where it could not make one itself."""
    for link in (Path(site.wanted.data_directory).parent, Path(site.wanted.config_directory).parent):
        link.symlink_to(site.vault)
        os.lchown(link, account_of_tests().uid, account_of_tests().gid)
        with pytest.raises((OSError, HotStandbyError)):
            site.make()
        assert site.vault_is_untouched()
        link.unlink()
    outside = site.top / "outside"
    Path(site.wanted.data_directory).parent.symlink_to(outside / "new")
    os.lchown(Path(site.wanted.data_directory).parent, account_of_tests().uid, account_of_tests().gid)
    with pytest.raises((OSError, HotStandbyError)):
        site.make()
    assert not outside.exists()


def test_a_directory_of_roots_below_the_accounts_is_not_given_away(site: Site) -> None:
    config = Path(site.wanted.config_directory)
    config.mkdir(parents=True)
    account_of_tests().own(config.parent)
    with pytest.raises(HotStandbyError, match="does not belong to the owner of the instance"):
        site.make()
    assert config.stat().st_uid == 0


@pytest.mark.parametrize("at", ["version", "instance"])
def test_a_new_volume_of_roots_is_given_to_the_owner(site: Site, at: str) -> None:
    data = Path(site.wanted.data_directory)
    data.mkdir(parents=True)
    account_of_tests().own(data.parent)
    volume = data.parent if at == "version" else data
    if at == "version":
        data.rmdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "none", volume], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        volume.chmod(0o755)
        site.make()
        assert (data / "PG_VERSION").exists()
        assert volume.stat().st_uid == account_of_tests().uid
    finally:
        subprocess.run(["umount", "-l", volume], check=True)


def test_a_file_of_roots_is_not_shown_as_the_version(site: Site) -> None:
    data = Path(site.wanted.data_directory)
    data.mkdir(parents=True)
    (data / "PG_VERSION").symlink_to(site.vault / "secret")
    for path in (data, data.parent):
        account_of_tests().own(path)
    with pytest.raises(HotStandbyError) as caught:
        look_at(site.wanted)
    assert caught.value.name == "cannot_read"
    assert SECRET not in caught.value.message
