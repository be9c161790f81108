"""Which optional libraries are installed, without importing them."""

import importlib.util
from collections.abc import Sequence
from typing import Final

from mfpt_shared.errors import NotInstalled
from mfpt_shared.system.builds import lacks_torch, this_machine

_ENGINE: Final = ("torch", "transformers", "peft", "bitsandbytes", "sentencepiece")
_ONNX: Final = ("onnxruntime", "onnx", "sentencepiece")


def require_engine() -> None:
    """Check that the libraries for training are installed.

    Raises:
        NotInstalled: One is missing; this installation is for a server, or for a device that only predicts.
    """
    if library := _missing(_ENGINE):
        if reason := lacks_torch(this_machine()):
            raise NotInstalled(f"this machine cannot train: {reason}; it can predict: mfpt-edge predict")
        raise NotInstalled(f"{library} is not installed, and a device needs it: {how_to_install('edge')}")


def has_engine() -> bool:
    """Tell whether the libraries for training are installed."""
    return _missing(_ENGINE) is None


def has_onnx() -> bool:
    """Tell whether the libraries to predict with ONNX Runtime are installed."""
    return _missing(_ONNX) is None


def require_onnx() -> None:
    """Check that the libraries to predict with ONNX Runtime are installed.

    Raises:
        NotInstalled: One is missing.
    """
    if library := _missing(_ONNX):
        raise NotInstalled(f"{library} is not installed, and --runtime onnx needs it: {how_to_install('onnx')}")


def how_to_install(extra: str) -> str:
    """Return what people do to get the libraries of an extra: installers and tools for programs leave out pip."""
    if _missing(("pip",)) is None:
        return f"pip install 'mfpt[{extra}]'"
    return f"install mfpt again, with its extra {extra}, as the guide for volunteers says"


def _missing(libraries: Sequence[str]) -> str | None:
    return next((name for name in libraries if importlib.util.find_spec(name) is None), None)
