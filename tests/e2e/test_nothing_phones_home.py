"""No command talks to anybody but the broker, asks for anybody's name, or leaves files outside of its own folders.

Libraries do such things unless they are told not to. So all commands run where every packet is seen.
"""

from pathlib import Path

import pytest

from support.every_command import BROKER_PORT
from support.phone_watch import can_isolate, watched

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(not can_isolate(), reason="no network namespace can be made here"),
]


def test_every_command_talks_to_the_broker_alone_and_keeps_to_its_folders(tmp_path: Path) -> None:
    seen = watched("support.every_command:every_command", tmp_path)
    assert seen.failed == []
    assert f"127.0.0.1:{BROKER_PORT}" in seen.connections, "the recorder sees nothing"
    # In this namespace there is nobody else: on loopback the broker, its accounts, and sockets of one process in pairs.
    elsewhere = [target for target in seen.connections if not target.startswith("127.0.0.1:")]
    assert (seen.names, elsewhere, seen.files) == ([], [], [])


def test_a_library_that_was_not_told_to_be_quiet_is_seen(tmp_path: Path) -> None:
    """The recorder would see what the test above excludes."""
    seen = watched("support.every_command:predict_without_the_variable", tmp_path, "45")
    assert seen.failed == []
    assert "mobile.events.data.microsoft.com" in seen.names
    assert any(target.endswith(":443") for target in seen.connections)
    assert any("Microsoft" in file for file in seen.files)
