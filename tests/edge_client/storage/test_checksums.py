"""A sealed folder says whether its files still hold what was written."""

import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mfpt_edge.storage.checksums import CHECKSUMS, checksum, damage, is_sealed, seal

CONTENTS = {"graph.onnx": bytes(range(256)) * 9, "about.json": b'{"layer":9}', "empty": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    seal(tmp_path)
    return tmp_path


def test_a_folder_that_nobody_touched_is_undamaged(folder: Path) -> None:
    assert is_sealed(folder)
    assert damage(folder) is None


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_found(folder: Path, data: st.DataObject) -> None:
    file = folder / data.draw(st.sampled_from(["graph.onnx", "about.json", CHECKSUMS]))
    whole = file.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[position] ^ data.draw(st.integers(1, 255))
    file.write_bytes(whole[:position] + bytes([changed]) + whole[position + 1 :])
    assert damage(folder) is not None
    file.write_bytes(whole)
    assert damage(folder) is None


@pytest.mark.parametrize("name", [*CONTENTS, CHECKSUMS])
def test_a_missing_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    found = damage(folder)
    assert found == f"{folder / name} cannot be read (No such file or directory)"


@pytest.mark.parametrize("name", ["graph.onnx", CHECKSUMS])
def test_a_folder_in_the_place_of_a_file_is_found(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (folder / name).mkdir()
    assert damage(folder) == f"{folder / name} cannot be read (Is a directory)"


@pytest.mark.parametrize("content", [b"", b"[[[", b'{"graph.onnx":"x"}', b"[" * 100_000, b"\xff"])
def test_checksums_that_cannot_be_read_are_damage(folder: Path, content: bytes) -> None:
    (folder / CHECKSUMS).write_bytes(content)
    assert str(damage(folder)).startswith(f"{folder / CHECKSUMS} cannot be read")


def test_a_checksum_of_a_large_file_is_that_of_all_its_blocks(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(3 * 2**20) + b"end")
    before = checksum(file)
    file.write_bytes(bytes(3 * 2**20) + b"End")
    assert checksum(file) != before
    assert checksum(file, 3 * 2**20) == zlib.crc32(b"End")
