"""The second reading of the document's frames agrees with the project's codec."""

from pathlib import Path

import numpy as np
import pytest

from conformance.v2 import frames
from mfpt_shared.errors import DecodeError
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Metrics, Prompt, Update
from mfpt_shared.protocol.topics import CLIENT_UP, PROMPT
from mfpt_shared.tensors import dense

GOLDEN = (Path(__file__).parents[1] / "shared/protocol/golden/prompt-f16.mfpt").read_bytes()


def test_a_prompt_is_read_as_the_codec_reads_it() -> None:
    header, body = frames.read_frame(GOLDEN, frames.PROMPT)
    expected = decode(PROMPT, GOLDEN)
    assert isinstance(expected, Prompt)
    assert (header["language"], header["version"]) == (expected.header.language, expected.header.version)
    state = frames.read_prompt(body)
    assert state.keys() == expected.state.keys()
    for name, array in dense(expected.state).items():
        np.testing.assert_array_equal(np.reshape(state[name].values, state[name].shape), array)


def test_an_update_is_written_as_the_codec_reads_it() -> None:
    values = [0.5, -0.25, 0.125, 0.0, 0.0, 0.0, 3e-5, -1.0]
    header = {"sequence": 3, "language": "swh", "base_version": 2, "examples": 20, "plan": "p", "backbone": "b"}
    delta = {"head.weight": frames.Tensor([2, 4], values), "head.bias": frames.Tensor([2], [-0.75, 0.1])}
    update = decode(CLIENT_UP, frames.write_frame(frames.UPDATE, header, frames.write_delta(delta)))
    assert isinstance(update, Update)
    assert (update.header.sequence, update.header.base_version) == (3, 2)
    np.testing.assert_allclose(dense(update.delta)["head.weight"], np.reshape(values, (2, 4)), atol=1 / 254)
    np.testing.assert_allclose(dense(update.delta)["head.bias"], [-0.75, 0.1], atol=0.75 / 254)


def test_what_an_earlier_release_says_of_its_own_prompt_is_ignored_and_a_share_beyond_1_refused() -> None:
    header = {"sequence": 3, "language": "swh", "base_version": 2, "examples": 20, "plan": "p", "backbone": "b"}

    def sent(**metrics: float) -> bytes:
        delta = {"head.bias": frames.Tensor([2], [-0.75, 0.1])}
        return frames.write_frame(frames.UPDATE, {**header, "metrics": metrics}, frames.write_delta(delta))

    update = decode(CLIENT_UP, sent(accuracy=0.5, own_accuracy=0.9))
    assert isinstance(update, Update)
    assert update.header.metrics == Metrics(accuracy=0.5)
    with pytest.raises(DecodeError):
        decode(CLIENT_UP, sent(own_share=1.5))


@pytest.mark.parametrize("at", [0, 4, 5, 20, len(GOLDEN) // 2, len(GOLDEN) - 1])
def test_a_frame_with_a_damaged_byte_is_refused(at: int) -> None:
    damaged = bytearray(GOLDEN)
    damaged[at] ^= 0xFF
    with pytest.raises(ValueError):
        frames.read_frame(bytes(damaged), frames.PROMPT)


@pytest.mark.parametrize("length", [0, 19, len(GOLDEN) - 1])
def test_a_frame_that_was_cut_is_refused(length: int) -> None:
    with pytest.raises(ValueError):
        frames.read_frame(GOLDEN[:length], frames.PROMPT)
