"""Files of tensors: what was written comes back, and what was damaged is noticed before anything is used."""

import struct
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from mfpt_edge.backbone.tensorfile import TensorFile, opened, rows_size, write, write_rows

TENSORS = {
    "codes": torch.arange(12, dtype=torch.uint8).reshape(3, 4),
    "scales": torch.tensor([1.5, -2.0], dtype=torch.float16),
    "bias": torch.tensor([0.25], dtype=torch.bfloat16),
    "scalar": torch.tensor(7, dtype=torch.int64),
    "none": torch.empty(0, 4),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kept.safetensors"
    write(path, TENSORS)
    return path


def test_what_was_written_comes_back_here_and_in_safetensors(file: Path) -> None:
    kept = opened(file)
    assert kept is not None
    for found in (kept, load_file(file)):
        assert set(found) == set(TENSORS)
        for name, tensor in TENSORS.items():
            assert found[name].dtype == tensor.dtype
            torch.testing.assert_close(found[name], tensor)


def test_a_file_of_another_program_is_read_but_never_taken_for_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"flag": torch.tensor([True]), "wide": torch.ones(2, dtype=torch.float64)}, path)
    assert set(TensorFile(path)) == {"flag", "wide"}
    assert opened(path) is None
    assert not path.exists()


def test_rows_take_the_size_that_was_foretold(tmp_path: Path) -> None:
    path = tmp_path / "rows.safetensors"
    write_rows(path, "hidden", (3, 4), [(0, torch.ones(2, 4)), (2, torch.zeros(1, 4))])
    assert path.stat().st_size == rows_size("hidden", (3, 4))
    kept = opened(path)
    assert kept is not None
    assert kept["hidden"].tolist() == [[1.0] * 4, [1.0] * 4, [0.0] * 4]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_a_cache_is_found_or_changes_nothing(file: Path, data: st.DataObject) -> None:
    whole, path = file.read_bytes(), file.with_name("damaged.safetensors")
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[position] ^ data.draw(st.integers(1, 255))
    path.write_bytes(whole[:position] + bytes([changed]) + whole[position + 1 :])
    kept = opened(path)
    if kept is not None:  # one blank of the head became another
        assert all(torch.equal(kept[name], tensor) for name, tensor in TENSORS.items())


def test_a_changed_value_of_a_cache_is_found(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert opened(file) is None


def test_a_folder_in_the_place_of_a_cache_is_removed(file: Path) -> None:
    file.unlink()
    (file / "inside").mkdir(parents=True)
    assert opened(file) is None
    assert not file.exists()


def used(path: Path, *, own: bool) -> None:
    """Read a file the way backbones do; a damaged one ends in an OSError, and in nothing else."""
    try:
        kept = TensorFile(path, own=own)
    except OSError:
        return
    for name in kept:
        kept[name].sum()


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.booleans())
def test_any_damage_to_the_head_ends_in_the_declared_error(file: Path, data: st.DataObject, own: bool) -> None:
    content = bytearray(file.read_bytes())
    head = 8 + struct.unpack_from("<Q", content)[0]
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, head - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content))))
    path = file.with_name("damaged.safetensors")
    path.write_bytes(bytes(content[:cut]))
    used(path, own=own)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_head_ends_in_the_declared_error_or_can_be_used(file: Path, header: bytes) -> None:
    path = file.with_name("damaged.safetensors")
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    used(path, own=False)


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b'{"codes": {}}',
        b'{"codes": {"dtype": "F7", "shape": [1], "data_offsets": [0, 4]}}',
        b'{"codes": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}',
        b'{"codes": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}',
        b'{"codes": {"dtype": "F32", "shape": [1e9], "data_offsets": [0, 4]}}',
        b'{"other": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_cache_is_removed_with_one_line_of_log(
    tmp_path: Path, header: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "kept.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert opened(path) is None
    assert not path.exists()
    (line,) = [record.message for record in caplog.records]
    assert line.startswith(f"{path} is made again: damaged")
