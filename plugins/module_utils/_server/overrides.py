# Copyright (c) 2026, the hotstandby.postgresql authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapter: what keeps settings of postgresql.conf from taking effect. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_file import ConfFile
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_tree import (
    AUTO_CONF,
    Files,
    Kind,
    override_error,
    overriding,
    read_tree,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.conf_value import setting_text
from ansible_collections.hotstandby.postgresql.plugins.module_utils._config.setting_effect import (
    LIVE_SETTINGS_SQL,
    LiveSetting,
    fixed_elsewhere,
)
from ansible_collections.hotstandby.postgresql.plugins.module_utils._errors import HotStandbyError
from ansible_collections.hotstandby.postgresql.plugins.module_utils._host.files import names_in, read_text

from .endpoint import Endpoint
from .session import connect_plainly

Live = Mapping[str, LiveSetting]


def settings_of(target: Endpoint) -> Live:
    """The settings that the server at target works with. Raises HotStandbyError when it cannot be asked."""
    with connect_plainly(target) as session:
        settings = [LiveSetting.from_row(row) for row in session.rows(LIVE_SETTINGS_SQL)]
    return {setting.name: setting for setting in settings}


def overrides(
    path: str, file: ConfFile, data_directory: str, wanted: Mapping[str, str | None], live: Live
) -> Iterator[HotStandbyError]:
    """What beats the main file (at path), each as the error "overridden" that tells of it.

    file: the main file as it says what is wanted. live: empty where no server runs. Raises HotStandbyError for files
    that the server could not read either.
    """
    files = Files(read_text, names_in)
    occurrences = read_tree(path, file.text, files)
    auto_conf = os.path.join(file.get("data_directory") or data_directory, AUTO_CONF)
    occurrences += read_tree(auto_conf, read_text(auto_conf) or "", files)
    kinds: dict[str, Kind] = {name: setting.kind for name, setting in live.items()}
    for winner in overriding(occurrences, path, wanted, kinds):
        yield override_error(path, winner, wanted[winner.name])
    for setting in fixed_elsewhere(wanted, live):
        yield HotStandbyError(
            "overridden",
            f"{setting.name} in {path} would have no effect: the running server got"
            f" {setting.setting!r} by {setting.source}",
            f"Start it without that, or leave {setting.name} out of the settings (nothing was changed)",
        )


def overridden(
    config_directory: str, data_directory: str, settings: Mapping[str, object], target: Endpoint | None
) -> tuple[str, ...]:
    """In a sentence each, which of the declared settings something else sets otherwise.

    target: the server, where one runs. What cannot be read or asked is none of this: others tell of it.
    """
    path = os.path.join(config_directory, "postgresql.conf")
    try:
        wanted = {name.lower(): setting_text(value) for name, value in settings.items()}
        text = read_text(path)
        if text is None:
            return ()
        file = ConfFile.parse(text).with_settings(wanted)
        live = settings_of(target) if target else {}
        return tuple(found.message for found in overrides(path, file, data_directory, wanted, live))
    except (HotStandbyError, OSError, ValueError):
        return ()
