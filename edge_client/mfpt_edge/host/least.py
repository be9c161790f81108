"""The least that a machine must have, as measured (docs/least-machines.md), told before anything is loaded.

Nothing here imports NumPy, which some of these machines cannot run.
"""

import platform
from functools import cache
from typing import Final

from mfpt_shared.errors import Unsuited
from mfpt_shared.system.processor import features

TRAINING_BYTES: Final = 550_000_000
"""Memory without which training with the bundled backbone is ended by the system, whatever `--memory` says."""
PREDICTING_BYTES: Final = 290_000_000
"""The same, for predicting with ONNX Runtime."""
STATE_BYTES: Final = 50_000_000
"""Room for a state folder: some tens of prompts and updates, and what a plan with a large prompt needs."""
_X86: Final = ("x86_64", "amd64")
_FIRST: Final = "sse4_2"
"""Without these instructions NumPy does not start. Source: NumPy 2.4, its baseline X86_V2."""
_SECOND: Final = "avx"
"""Without these, bitsandbytes 0.50 does not quantise: measured."""


def require_processor(found: frozenset[str] | None = None, machine: str | None = None) -> None:
    """Check that the processor runs the libraries that every command needs.

    Args:
        found: Instructions that it has; None: the system is asked, and where it does not tell, nothing is lacking.
        machine: Kind of processor, as `uname -m` names it; None: that of this machine.

    Raises:
        Unsuited: An illegal instruction would end the process.
    """
    if _lacks(_FIRST, found, machine):
        raise Unsuited(
            "this processor has no SSE4.2, which Intel's have since 2008 and AMD's since 2011, and NumPy does not run "
            "without; use another machine"
        )


def require_to_convert(uri: str, found: frozenset[str] | None = None, machine: str | None = None) -> None:
    """Check that the processor runs what brings a backbone's weights to 4 bits.

    Args:
        uri: Address of the backbone; the bundled one is in 4 bits already.
        found: See `require_processor`.
        machine: See `require_processor`.

    Raises:
        Unsuited: An illegal instruction would end the process.
    """
    if _lacks(_SECOND, found, machine):
        raise Unsuited(
            f"this processor has no AVX, which most have since 2011, and bitsandbytes, which brings {uri} to 4 bits, "
            "does not run without; use another machine, or a federation with the bundled backbone"
        )


def _lacks(instruction: str, found: frozenset[str] | None, machine: str | None) -> bool:
    if (machine or platform.machine()).lower() not in _X86:
        return False
    found = _own() if found is None else found
    return found is not None and instruction not in found


@cache
def _own() -> frozenset[str] | None:
    return features()


def require_to_train(total: int) -> None:
    """Check that a machine has the memory to train, whatever else runs on it.

    Args:
        total: Bytes that it has in all.

    Raises:
        Unsuited: It has less.
    """
    if total < TRAINING_BYTES:
        raise _too_small(total, "training", TRAINING_BYTES, "it may do to predict: mfpt-edge predict")


def require_to_predict(total: int) -> None:
    """Check that a machine has the memory to predict; see `require_to_train`."""
    if total < PREDICTING_BYTES:
        raise _too_small(total, "predicting", PREDICTING_BYTES, "use another machine")


def tight_memory(free: int) -> str:
    """Return what to do where so many bytes are free; empty where they are enough to train."""
    if free >= TRAINING_BYTES:
        return ""
    return (
        f"only {free / 1e9:.2f} GB of memory are free, and training takes {TRAINING_BYTES / 1e9:.2f} GB at least: end "
        "other programs, or the system may end this one"
    )


def _too_small(total: int, what: str, needed: int, instead: str) -> Unsuited:
    return Unsuited(
        f"this machine has {total / 1e9:.2f} GB of memory for a program, and {what} takes {needed / 1e9:.2f} GB at "
        f"least; {instead}"
    )
