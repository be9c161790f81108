"""A device that is forgotten leaves nothing behind, and takes nothing that is not its own."""

from pathlib import Path

from mfpt_edge.storage.device_folder import DeviceFolder
from mfpt_edge.storage.forgetting import forget_device
from mfpt_edge.storage.settings import Settings, write_settings
from mfpt_shared.folders import is_owned, owned
from mfpt_shared.languages import LanguageCode


def test_nothing_of_a_device_is_left(tmp_path: Path) -> None:
    folder, cache, elsewhere = tmp_path / "swh", tmp_path / "cache", tmp_path / "data.csv"
    (cache / "activations").mkdir(parents=True)
    (cache / "activations" / "a").write_bytes(b"1")
    (cache / "backbones").mkdir()
    elsewhere.write_text("mine")
    with owned(folder, "--state-dir"):
        device = DeviceFolder(folder)
        device.begin_session(device.enrol(LanguageCode("swh")))
        device.outbox().put(1, b"update")
        write_settings(folder, Settings())
        (folder / "link.csv").symlink_to(elsewhere)
        forget_device(folder, cache)
    assert not folder.exists()
    assert [path.name for path in cache.iterdir()] == ["backbones"]
    assert elsewhere.read_text() == "mine"


def test_another_device_can_begin_in_the_same_folder(tmp_path: Path) -> None:
    folder = tmp_path / "swh"
    with owned(folder, "--state-dir"):
        forget_device(folder, tmp_path / "cache")
    with owned(folder, "--state-dir"):
        assert is_owned(folder)
