"""A device that is forgotten leaves nothing behind, and takes nothing that is not its own."""

import pkgutil
from importlib import import_module
from pathlib import Path

import mfpt_edge.storage
from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.forgetting import FILES, forget_device
from mfpt_edge.storage.settings import Settings, write_settings
from mfpt_shared.folders import is_owned, owned
from mfpt_shared.languages import LanguageCode


def forget(folder: Path, cache: Path) -> None:
    """Forget a device that has kept some things."""
    with owned(folder, "--state-dir"):
        device = DeviceFolder(folder)
        device.begin_session(device.enrol(LanguageCode("swh")))
        device.outbox().put(1, b"update")
        write_settings(folder, Settings())
        forget_device(folder, cache)


def test_nothing_of_a_device_is_left(tmp_path: Path) -> None:
    folder, cache = tmp_path / "swh", tmp_path / "cache"
    (cache / "activations").mkdir(parents=True)
    (cache / "activations" / "a").write_bytes(b"1")
    (cache / "backbones").mkdir()
    forget(folder, cache)
    assert not folder.exists()
    assert [path.name for path in cache.iterdir()] == ["backbones"]


def test_what_else_is_in_its_folder_stays(tmp_path: Path) -> None:
    folder, others = tmp_path / "mine", ("data.csv", "examples/photo.jpg", "outbox/letter.txt", "thesis/one.txt")
    for name in others:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    (folder / "device.key").symlink_to(folder / "data.csv")
    forget_device(folder, tmp_path / "cache")
    forget(folder, tmp_path / "cache")
    assert sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()) == sorted(others)
    assert (folder / "data.csv").read_text() == "mine"


def test_every_file_that_a_device_keeps_is_known() -> None:
    modules = [
        import_module(f"mfpt_edge.storage.{one.name}") for one in pkgutil.iter_modules(mfpt_edge.storage.__path__)
    ]
    named = {getattr(module, name) for module in modules for name in vars(module) if name.endswith("_FILE")}
    assert len(named) > 15
    assert named <= {*FILES}


def test_another_device_can_begin_in_the_same_folder(tmp_path: Path) -> None:
    folder = tmp_path / "swh"
    with owned(folder, "--state-dir"):
        forget_device(folder, tmp_path / "cache")
    with owned(folder, "--state-dir"):
        assert is_owned(folder)
