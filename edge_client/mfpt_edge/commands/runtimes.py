"""What computes labels and completions: ONNX Runtime or torch. It imports what it loads, so that `--help` is quick."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mfpt_edge.commands.options import RuntimeName

if TYPE_CHECKING:
    from mfpt_edge.inference.completions import Completer
    from mfpt_edge.inference.labels import Predictor
    from mfpt_edge.inference.onnx_runtime import OnnxPredictor
    from mfpt_edge.inference.tags import Tagger
    from mfpt_edge.storage.saved_prompt import Model

_log = logging.getLogger(__name__)


def completer(model: "Model", runtime: RuntimeName, device: str) -> "Completer":
    """Load what completes texts.

    Raises:
        NotInstalled: The libraries for it are not installed.
        Unsuited: This machine is too small.
        UsageError: ONNX Runtime was asked for.
    """
    from mfpt_edge.commands.early import check_predicts
    from mfpt_edge.host.extras import require_engine
    from mfpt_shared.errors import UsageError

    check_predicts()
    if runtime == "onnx":
        raise UsageError("--runtime onnx cannot complete texts, it only labels them: leave it out")
    require_engine()
    from mfpt_edge.inference.torch_runtime import TorchCompleter

    return TorchCompleter(model, device=device)


def predictor(model: "Model", runtime: RuntimeName, graph: Path | None, device: str) -> "Predictor":
    """Load what labels texts.

    Raises:
        NotInstalled: The libraries for it are not installed.
        MfptError: It cannot be loaded.
    """
    found = _with_onnx(model, runtime, graph, device)
    if found is not None:
        return found
    from mfpt_edge.inference.torch_runtime import TorchPredictor

    return TorchPredictor(model, device=device)


def tagger(model: "Model", runtime: RuntimeName, graph: Path | None, device: str) -> "Tagger":
    """Load what labels words.

    Raises:
        NotInstalled: The libraries for it are not installed.
        MfptError: It cannot be loaded.
    """
    found = _with_onnx(model, runtime, graph, device)
    if found is not None:
        return found
    from mfpt_edge.inference.torch_runtime import TorchTagger

    return TorchTagger(model, device=device)


def _with_onnx(model: "Model", runtime: RuntimeName, graph: Path | None, device: str) -> "OnnxPredictor | None":
    """Load what predicts with ONNX Runtime, which starts in a second; None: torch is to, which takes several.

    Raises:
        NotInstalled: The libraries for either are not installed.
        Unsuited: This machine is too small.
        MfptError: It cannot be loaded.
    """
    from mfpt_edge.commands.early import check_predicts
    from mfpt_edge.host.extras import has_engine, has_onnx, require_engine, require_onnx
    from mfpt_edge.inference import graph_folder
    from mfpt_shared.errors import Damaged, UsageError
    from mfpt_shared.folders import cache_home

    check_predicts()
    bundled, falls_back = graph_folder.is_bundled(model.plan), runtime == "auto"
    if runtime == "auto":
        can = has_onnx() and device in ("auto", "cpu") and (graph is not None or bundled)
        runtime = "onnx" if can else "torch"
    if runtime == "torch":
        require_engine()
        return None
    require_onnx()
    if graph is None and not bundled:
        raise UsageError(
            f"--runtime onnx needs {model.plan.backbone.uri} as a graph: run `mfpt-edge export --onnx DIR` where torch "
            "is installed, and give --graph DIR"
        )
    from mfpt_edge.inference.onnx_runtime import OnnxPredictor, bundled_predictor

    if graph is not None:
        return OnnxPredictor(model, graph)
    try:
        return bundled_predictor(model, cache_home())
    except Damaged as error:
        if not (falls_back and has_engine()):
            raise
        _log.warning("torch predicts instead of ONNX Runtime: %s", error)
        return None
