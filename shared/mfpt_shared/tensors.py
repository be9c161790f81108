"""Prompt states: the named float32 arrays that are tuned, and how they are laid out, initialised and packed.

A *prompt state* maps names to arrays. The plan determines names and shapes (the *layout*):

    prompt          [tokens, width]     the virtual tokens
    encoder.*       p-tuning only       weights of the prompt encoder, named as in PEFT's `mlp_head`
    head.weight     [labels, width]     only where the plan has labels
    head.bias       [labels]            only where the plan has labels

The coordinator works on the *flat* form: one vector with the arrays in layout order.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mfpt_shared.errors import Incompatible
from mfpt_shared.plan import Plan

Array = NDArray[np.float32]
Half = NDArray[np.float16]
PromptState = Mapping[str, Array]
Layout = Mapping[str, tuple[int, ...]]

_INT8_LIMIT = 127


class Quantised(NamedTuple):
    """One array in 8 bits.

    Attributes:
        values: Int8, in the shape of the array.
        scale: Float32 [rows], one factor for each row; a vector is one row.
    """

    values: NDArray[np.int8]
    scale: Array


def layout(plan: Plan) -> Layout:
    """Return name -> shape for the prompt states of a plan, in flat order."""
    tokens, width, labels = plan.prompt.tokens, plan.backbone.width, len(plan.task.labels)
    shapes: dict[str, tuple[int, ...]] = {"prompt": (tokens, width)}
    if plan.prompt.method == "p-tuning":
        hidden = plan.prompt.encoder_width
        for name, out_width, in_width in (("0", hidden, width), ("2", hidden, hidden), ("4", width, hidden)):
            shapes[f"encoder.{name}.weight"] = (out_width, in_width)
            shapes[f"encoder.{name}.bias"] = (out_width,)
    head: Layout = {"head.weight": (labels, width), "head.bias": (labels,)} if labels else {}
    return {**shapes, **head}


def size(shapes: Layout) -> int:
    """Return the number of values in a state of this layout."""
    return sum(math.prod(shape) for shape in shapes.values())


def initial_state(plan: Plan) -> PromptState:
    """Return version 0 of every prompt, the same on every machine.

    Virtual tokens are normal with the plan's standard deviation, encoder weights uniform in +-1/sqrt(fan in)
    (as `torch.nn.Linear`), biases and the head zero.
    """
    rng = np.random.Generator(np.random.PCG64(plan.prompt.seed))

    def draw(name: str, shape: tuple[int, ...]) -> Array:
        if name == "prompt":
            return (plan.prompt.init_std * rng.standard_normal(shape)).astype(np.float32)
        if name.startswith("encoder.") and len(shape) > 1:
            limit = 1 / math.sqrt(shape[1])
            return rng.uniform(-limit, limit, shape).astype(np.float32)
        return np.zeros(shape, np.float32)

    return {name: draw(name, shape) for name, shape in layout(plan).items()}


def check_layout(state: Mapping[str, NDArray[np.generic]], shapes: Layout) -> None:
    """Check that a state has exactly the names and shapes of a layout.

    Raises:
        Incompatible: They differ; the message names the first difference.
    """
    if missing := sorted(shapes.keys() - state.keys()):
        raise Incompatible(f"tensor {missing[0]!r} is missing")
    if unknown := sorted(state.keys() - shapes.keys()):
        raise Incompatible(f"tensor {unknown[0]!r} is not part of the plan")
    for name, shape in shapes.items():
        if state[name].shape != shape:
            raise Incompatible(f"tensor {name!r} has shape {list(state[name].shape)}, the plan says {list(shape)}")


def virtual_tokens(state: PromptState) -> Array:
    """Return the virtual tokens [tokens, width] as the backbone sees them: for p-tuning, the output of the encoder.

    Source: PEFT's `PromptEncoder` of type MLP, three linear layers with ReLU between them.
    """
    tokens = state["prompt"]
    layers = sorted({name.split(".")[1] for name in state if name.startswith("encoder.")}, key=int)
    for place, layer in enumerate(layers):
        tokens = tokens @ state[f"encoder.{layer}.weight"].T + state[f"encoder.{layer}.bias"]
        if place + 1 < len(layers):
            tokens = np.maximum(tokens, 0)
    return tokens.astype(np.float32, copy=False)


def flatten(state: PromptState, shapes: Layout) -> Array:
    """Return the arrays of a state as one vector, in layout order."""
    return np.concatenate([state[name].ravel() for name in shapes]).astype(np.float32, copy=False)


def unflatten(vector: Array, shapes: Layout) -> PromptState:
    """Return views into a flat vector, by name."""
    state, start = {}, 0
    for name, shape in shapes.items():
        stop = start + math.prod(shape)
        state[name] = vector[start:stop].reshape(shape)
        start = stop
    return state


def difference(new: PromptState, old: PromptState) -> PromptState:
    """Return `new - old`, the delta that a device sends."""
    return {name: new[name] - old[name] for name in old}


def total(first: PromptState, second: PromptState) -> PromptState:
    """Return `first + second`."""
    return {name: first[name] + second[name] for name in first}


def clip_norm(delta: PromptState, limit: float) -> PromptState:
    """Scale a delta down so that its L2 norm over all arrays is at most `limit`; 0 means no limit."""
    norm = math.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in delta.values()))
    if limit == 0 or norm <= limit:
        return delta
    return {name: (array * (limit / norm)).astype(np.float32) for name, array in delta.items()}


def quantise(array: Array) -> Quantised:
    """Round an array to 8 bits with one scale for each row; the error of a value is at most scale / 2."""
    rows = array.reshape(array.shape[0], -1) if array.ndim > 1 else array.reshape(1, -1)
    scale = (np.abs(rows).max(axis=1, initial=0.0) / _INT8_LIMIT).astype(np.float32)
    steps = np.where(scale > 0, scale, np.float32(1))[:, None]
    values = np.clip(np.rint(rows / steps), -_INT8_LIMIT, _INT8_LIMIT).astype(np.int8)
    return Quantised(values.reshape(array.shape), scale)


def dequantise(quantised: Quantised) -> Array:
    """Return the float32 array that a quantised array represents."""
    values = quantised.values
    rows = values.reshape(values.shape[0], -1) if values.ndim > 1 else values.reshape(1, -1)
    return (rows.astype(np.float32) * quantised.scale[:, None]).reshape(values.shape)


def dense(tensors: Mapping[str, Array | Half | Quantised]) -> dict[str, Array]:
    """Return a state with all its arrays in float32."""
    return {
        name: dequantise(tensor) if isinstance(tensor, Quantised) else tensor.astype(np.float32, copy=False)
        for name, tensor in tensors.items()
    }


def halve(state: PromptState) -> dict[str, Half]:
    """Return a state in half precision, as prompts travel; values beyond the range are cut to its ends."""
    limit = np.finfo(np.float16).max
    return {name: np.clip(array, -limit, limit).astype(np.float16) for name, array in state.items()}


def quantise_with_feedback(
    delta: PromptState, residual: PromptState | None, limit: float = 0.0
) -> tuple[dict[str, Quantised], PromptState]:
    """Quantise a delta, and carry the rounding error over to the next delta, so that errors do not add up.

    Args:
        delta: Change that the device wants to send.
        residual: Rounding error of its previous update; None if there was no previous one.
        limit: Largest L2 norm of what is sent, up to rounding; 0 means no limit.

    Returns:
        The quantised sum of delta and residual, and the new residual.

    Source: error feedback, Seide et al. 2014, "1-bit stochastic gradient descent", section 3.
    """
    wanted = clip_norm(delta if residual is None else total(delta, residual), limit)
    packed = {name: quantise(array) for name, array in wanted.items()}
    return packed, {name: wanted[name] - dequantise(packed[name]) for name in wanted}
