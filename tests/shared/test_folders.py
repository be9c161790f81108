"""What mfpt keeps for itself is its owner's alone, whatever the umask."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mfpt_edge.storage.cache import make_private
from mfpt_shared.errors import MfptError
from mfpt_shared.folders import owned, private_file, private_folder, tighten
from support.small_disk import small_disk
from support.systems import has_modes


def modes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.rglob("*")}


def with_open_umask(program: str, *arguments: object) -> None:
    text = f"import os, sys; os.umask(0)\nfrom pathlib import Path\n{program}"
    subprocess.run([sys.executable, "-c", text, *map(str, arguments)], check=True, timeout=60)


@has_modes
def test_new_folders_and_files_are_private_with_any_umask(tmp_path: Path) -> None:
    with_open_umask(
        "from mfpt_shared.folders import owned\n"
        "from mfpt_shared.atomic import write_durably\n"
        "folder = Path(sys.argv[1])\n"
        "with owned(folder, '--state-dir'): write_durably(folder / 'file', b'secret')",
        tmp_path / "above" / "state",
    )
    assert modes(tmp_path) == {
        "above": "0o700",
        "above/state": "0o700",
        "above/state/lock": "0o600",
        "above/state/file": "0o600",
    }


@has_modes
def test_the_state_folder_of_a_device_is_private_with_any_umask(tmp_path: Path) -> None:
    with_open_umask(
        "from mfpt_edge.storage.device_folder import DeviceFolder\n"
        "folder = DeviceFolder(Path(sys.argv[1]))\n"
        "folder.begin_session(folder.enrol('swh'))\n"
        "box = folder.outbox(); box.put(1, b'update'); box.put(2, b'update'); box.forget(1)",
        tmp_path / "state",
    )
    found = modes(tmp_path)
    assert {"state/device.json", "state/device.key", "state/outbox"} < found.keys()
    assert {name: mode for name, mode in found.items() if mode not in ("0o700", "0o600")} == {}


@has_modes
def test_the_database_is_private_with_any_umask(tmp_path: Path) -> None:
    with_open_umask(
        "from mfpt_coord.server.store import SqliteStore\n"
        "from mfpt_coord.core.state import initial\n"
        "from mfpt_coord.presets import default_plan\n"
        "store = SqliteStore(Path(sys.argv[1]) / 'coordinator.sqlite')\n"
        "store.create(initial(default_plan()), 'c0ffee')\n"
        "os._exit(0)",  # the log and its index stay
        tmp_path,
    )
    assert modes(tmp_path) == dict.fromkeys(
        ("coordinator.sqlite", "coordinator.sqlite-wal", "coordinator.sqlite-shm"), "0o600"
    )


@pytest.mark.slow
def test_the_cache_is_private_with_any_umask(tmp_path: Path) -> None:
    with_open_umask(
        "import numpy, torch\n"
        "from mfpt_edge.backbone.tensorfile import write\n"
        "from mfpt_edge.inference.graph_folder import bundled_folder\n"
        "from mfpt_shared.plan import Plan, Task\n"
        "cache = Path(sys.argv[1])\n"
        "write(cache / 'activations' / 'one.safetensors', {'a': torch.zeros(2)})\n"
        "bundled_folder(Plan(task=Task(labels=('a', 'b'))), cache)",
        tmp_path / "cache",
    )
    found = modes(tmp_path)
    assert {"cache/activations", "cache/graphs"} < found.keys()
    assert {name: mode for name, mode in found.items() if mode not in ("0o700", "0o600")} == {}


@has_modes
def test_an_open_cache_is_tightened_and_other_folders_there_are_not(tmp_path: Path) -> None:
    for name in ("activations", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o755)
        (tmp_path / name / "file").touch()
        (tmp_path / name / "file").chmod(0o644)
    make_private(tmp_path)
    assert modes(tmp_path) == {
        "activations": "0o700",
        "activations/file": "0o600",
        "other": "0o755",
        "other/file": "0o644",
    }


@has_modes
def test_an_export_follows_the_umask(tmp_path: Path) -> None:
    with_open_umask(
        "from mfpt_shared.atomic import atomic_folder\n"
        "with atomic_folder(Path(sys.argv[1])) as made: (made / 'graph.onnx').write_bytes(b'')",
        tmp_path / "export",
    )
    assert modes(tmp_path) == {"export": "0o777", "export/graph.onnx": "0o666"}


@has_modes
def test_what_was_open_is_tightened_when_its_folder_is_owned(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "broker").mkdir(parents=True)
    for file in ("lock", "coordinator.sqlite", "broker/nats-server.log"):
        (state / file).touch()
        (state / file).chmod(0o666)
    (state / "broker").chmod(0o777)
    state.chmod(0o755)
    with owned(state, "--data-dir"):
        assert set(modes(tmp_path).values()) == {"0o700", "0o600"}


@has_modes
def test_a_folder_that_is_named_by_a_link_is_tightened_as_well(tmp_path: Path) -> None:
    state, link = tmp_path / "disk", tmp_path / "state"
    state.mkdir()
    state.chmod(0o755)
    (state / "coordinator.sqlite").touch()
    (state / "coordinator.sqlite").chmod(0o644)
    link.symlink_to(state)
    with owned(link, "--data-dir"):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert set(modes(state).values()) == {"0o600"}


@has_modes
def test_what_a_link_in_a_folder_leads_to_keeps_its_mode(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o644)
    folder = private_folder(tmp_path / "ours")
    (folder / "link").symlink_to(outside)
    tighten(folder)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


@has_modes
def test_a_folder_that_everybody_shares_is_refused_and_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(MfptError, match="shared by everybody"), owned(shared, "--data-dir"):
        pass
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


@has_modes
def test_a_private_file_keeps_its_content(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"kept")
    file.chmod(0o644)
    assert private_file(file).read_bytes() == b"kept"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=os.strerror(20)):
        private_folder(tmp_path / "file" / "folder")


def test_what_lies_on_a_disk_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        (disk.path / "folder").mkdir(mode=0o755)
        disk.set_read_only(read_only=True)
        tighten(disk.path / "folder")
        assert stat.S_IMODE((disk.path / "folder").stat().st_mode) == 0o755
