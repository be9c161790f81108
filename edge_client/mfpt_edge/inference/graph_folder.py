"""What ONNX Runtime needs of a backbone, in one folder. Needs no torch.

    graph.onnx                               see `onnx_graph`
    sentencepiece.model or tokenizer.json    the tokenizer
    about.json                               fingerprint of the backbone, where the prompt enters, longest input
    checksums.json                           see `checksums`; older versions wrote none

The bundled backbone's folder is made on first use, in the cache, and again when it is damaged; where it cannot be kept,
its graph is made in memory. Other folders are written by `mfpt-edge export --onnx`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import msgspec
import sentencepiece

from mfpt_edge.bundled.place import find_file
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.inference.graph_tokenizer import SENTENCEPIECE, GraphTokenizer, load_tokenizer, of_pieces
from mfpt_edge.storage.checksums import damage, is_sealed, seal
from mfpt_shared.atomic import atomic_folder
from mfpt_shared.backbones.describe import BUNDLED_SHA256, parse_uri
from mfpt_shared.errors import Damaged, Incompatible, UsageError
from mfpt_shared.folders import private_folder, tighten
from mfpt_shared.plan import Plan

GRAPH: Final = "graph.onnx"
_ABOUT: Final = "about.json"
_FORMAT: Final = 1

_log = logging.getLogger(__name__)

SaveTokenizer = Callable[[Path], object]


class Wanted(NamedTuple):
    """What a plan asks of a graph, beside the backbone.

    Attributes:
        layer: Index of the first layer that sees the prompt; None: it enters at the input.
        words: Whether every word gets an answer, rather than every text.
    """

    layer: int | None
    words: bool


class About(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The backbone that a folder belongs to.

    Attributes:
        backbone: Fingerprint.
        layer: Index of the first layer that sees the prompt; None: it enters at the input.
        positions: Longest input in tokens, virtual tokens at the input included.
        pad_id: Token that fills up a batch.
        words: Whether the graph answers for words; those of older versions answer for texts.
    """

    backbone: str
    layer: int | None
    positions: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    pad_id: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    format: int = _FORMAT
    words: bool = False

    @property
    def wanted(self) -> Wanted:
        """What plans it is for."""
        return Wanted(self.layer, self.words)


@dataclass(frozen=True, slots=True)
class Graph:
    """A backbone for ONNX Runtime.

    Attributes:
        about: The backbone that it is.
        model: File of the graph, or its content.
        tokenizer: Its tokenizer.
    """

    about: About
    model: Path | bytes
    tokenizer: GraphTokenizer


def wanted_by(plan: Plan) -> Wanted:
    """Return what a plan asks of a graph."""
    return Wanted(plan.late_layer if plan.prompt.method == "late" else None, plan.task.tags_words)


def is_bundled(plan: Plan) -> bool:
    """Tell whether a plan's folder can be made here without torch."""
    return parse_uri(plan.backbone.uri).scheme == "bundled"


def bundled_folder(plan: Plan, cache: Path) -> Path:
    """Return the folder of the bundled backbone, made if it is not there, or says that it is something else.

    Raises:
        NotInstalled: The bundled backbone is not on this machine.
        OSError: It cannot be written.
    """
    wanted = wanted_by(plan)
    entry = "input" if wanted.layer is None else wanted.layer
    name = f"{BUNDLED_SHA256[:32]}-{entry}{'-words' if wanted.words else ''}-{_FORMAT}"
    folder = cache / "graphs" / name
    if not (folder / _ABOUT).exists():
        return keep_bundled(folder, wanted)
    if wrong := _wrong(folder, wanted):
        return made_again(folder, wanted, wrong)
    return folder


def _wrong(folder: Path, wanted: Wanted) -> str | None:
    """Return what a folder of the cache says about itself that it should not; its files are not read yet."""
    try:
        about = read_about(folder)
    except (Damaged, UsageError) as error:
        return str(error)
    if (about.backbone, about.wanted) != (f"sha256:{BUNDLED_SHA256}", wanted):
        return "another backbone"
    return None if is_sealed(folder) else "nothing says what its files should be"


def made_again(folder: Path, wanted: Wanted, wrong: object) -> Path:
    """Write a folder of the cache again, with a line in the log.

    Args:
        folder: Folder.
        wanted: What it is to be.
        wrong: What is wrong with it, with advice for people who exported a folder themselves.

    Raises:
        NotInstalled: The bundled backbone is not on this machine.
        OSError: It cannot be written.
    """
    _log.warning("%s was damaged, and is made again", folder)
    _log.debug("%s", wrong)
    return keep_bundled(folder, wanted)


def keep_bundled(folder: Path, wanted: Wanted) -> Path:
    """Write the folder in the cache, which is its owner's alone, in the place of whatever is there.

    Raises:
        NotInstalled: The bundled backbone is not on this machine.
        OSError: It cannot be written.
    """
    private_folder(folder.parent)
    _write(folder, *_bundled(wanted))
    tighten(folder)
    return folder


def write_bundled(folder: Path, wanted: Wanted) -> None:
    """Write the folder of the bundled backbone.

    Raises:
        NotInstalled: The bundled backbone is not on this machine.
        UsageError: Something else is in the folder.
        OSError: It cannot be written.
    """
    write(folder, *_bundled(wanted))


def bundled_graph(wanted: Wanted) -> Graph:
    """Return the bundled backbone, made in memory.

    Raises:
        NotInstalled: The bundled backbone is not on this machine.
    """
    file = E5File(find_file())
    about, graph, _ = _bundled(wanted)
    return Graph(about, graph, of_pieces(sentencepiece.SentencePieceProcessor(model_proto=file.sentencepiece_model())))


def _bundled(wanted: Wanted) -> tuple[About, bytes, SaveTokenizer]:
    """Return what the bundled backbone is, its graph, and what writes the model of its tokenizer."""
    from mfpt_edge.inference.onnx_graph import build  # noqa: PLC0415 - needs onnx, which predicting does not

    file = E5File(find_file())
    graph = build(file.shape, file, wanted.layer, words=wanted.words).SerializeToString()
    about = About(f"sha256:{BUNDLED_SHA256}", wanted.layer, file.shape.positions, file.pad_id, words=wanted.words)
    return about, graph, lambda into: (into / SENTENCEPIECE).write_bytes(file.sentencepiece_model())


def write(folder: Path, about: About, graph: bytes, save_tokenizer: SaveTokenizer) -> None:
    """Write a folder so that no other process ever sees half of it.

    Raises:
        UsageError: Something else is in the folder.
        OSError: It cannot be written.
    """
    if folder.exists() and not (folder / _ABOUT).exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} holds something else: name a new or empty folder")
    _write(folder, about, graph, save_tokenizer)


def _write(folder: Path, about: About, graph: bytes, save_tokenizer: SaveTokenizer) -> None:
    with atomic_folder(folder) as made:
        (made / GRAPH).write_bytes(graph)
        save_tokenizer(made)
        (made / _ABOUT).write_bytes(msgspec.json.encode(about))
        seal(made)


def read(folder: Path) -> Graph:
    """Return the backbone in a folder, after a look at whether all of it is as it was written.

    Raises:
        UsageError: The folder does not hold an exported backbone.
        Damaged: It holds one that is not what was written, or cannot be read.
    """
    about = read_about(folder)
    if is_sealed(folder) and (found := damage(folder)) is not None:
        raise Damaged(f"{found}: remove {folder} and export it again")
    return Graph(about, folder / GRAPH, load_tokenizer(folder))


def read_about(folder: Path) -> About:
    """Return the backbone that a folder belongs to.

    Raises:
        UsageError: The folder does not hold an exported backbone.
        Damaged: It holds one that cannot be read.
    """
    try:
        return msgspec.json.decode((folder / _ABOUT).read_bytes(), type=About)
    except OSError as error:
        raise UsageError(
            f"{folder} does not hold an exported backbone ({error.strerror}): write one with `mfpt-edge export --onnx "
            f"{folder}`"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{folder / _ABOUT} is damaged ({error}): remove {folder} and export it again") from error


def check(about: About, plan: Plan) -> None:
    """Check that a folder belongs to a plan.

    Raises:
        Incompatible: It does not.
    """
    if plan.backbone.fingerprint and about.backbone != plan.backbone.fingerprint:
        raise Incompatible(
            f"the exported backbone is {about.backbone}, the plan says {plan.backbone.fingerprint}: export it again"
        )
    wanted = wanted_by(plan)
    if about.words != wanted.words:
        kinds = {True: "words", False: "texts"}
        raise Incompatible(
            f"the exported graph labels {kinds[about.words]}, and the plan's task is to label {kinds[wanted.words]}: "
            "export it again, with the prompt of this federation"
        )
    if about.layer != wanted.layer:
        raise Incompatible(
            f"in the exported graph the prompt enters at layer {about.layer}, in the plan at {wanted.layer}: "
            "export it again"
        )
