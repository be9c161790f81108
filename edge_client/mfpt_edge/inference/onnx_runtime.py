"""Labels of texts and of words with ONNX Runtime. Needs neither torch nor bitsandbytes."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions
from onnxruntime.capi import onnxruntime_pybind11_state as state

from mfpt_edge.data.example import Example, inputs
from mfpt_edge.formats.conventions import max_text_tokens
from mfpt_edge.formats.word_pieces import CUT
from mfpt_edge.inference.graph_folder import (
    Graph,
    bundled_folder,
    bundled_graph,
    check,
    made_again,
    read,
    wanted_by,
)
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.environment import explained, sentence
from mfpt_shared.errors import Damaged
from mfpt_shared.plan import Task
from mfpt_shared.system.processor import usable_cores
from mfpt_shared.tensors import check_layout, dense, layout, virtual_tokens

_BATCH: Final = 32
# What it raises for a graph that it cannot read; they have no base of their own.
_UNREADABLE: Final = (
    *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoModel, state.NoSuchFile),
    *(state.NotImplemented, state.RuntimeException),
)

_log = logging.getLogger(__name__)


def bundled_predictor(model: Model, cache: Path) -> "OnnxPredictor":
    """Return a predictor with the bundled backbone, from the cache or, where that cannot be used, made in memory.

    Raises:
        NotInstalled: The bundled backbone is not on this machine.
        Damaged: ONNX Runtime does not take the graph.
    """
    try:
        return _from_cache(model, cache)
    except (OSError, Damaged) as error:
        why = sentence(error) if isinstance(error, OSError) else error
        _log.warning("the backbone is made in memory, as the one in the cache cannot be used: %s", why)
        return OnnxPredictor(model, bundled_graph(wanted_by(model.plan)))


def _from_cache(model: Model, cache: Path) -> "OnnxPredictor":
    """Return a predictor with a folder of the cache, which is made again, once, if it is damaged."""
    folder = bundled_folder(model.plan, cache)
    try:
        return OnnxPredictor(model, folder)
    except Damaged as error:
        return OnnxPredictor(model, made_again(folder, wanted_by(model.plan), error))


class OnnxPredictor:
    """See `labels.Predictor` and `tags.Tagger`: by its plan, it is one of both."""

    def __init__(self, model: Model, source: Path | Graph, *, threads: int | None = None) -> None:
        """Load a graph.

        Args:
            model: Plan and prompt.
            source: Graph, or folder of an exported backbone, see `graph_folder`.
            threads: Number of threads; None: as many as there are cores.

        Raises:
            UsageError: The folder does not hold a graph.
            Incompatible: The graph belongs to another backbone or kind of task, or the prompt enters elsewhere.
            Damaged: A file in the folder cannot be read.
        """
        graph = read(source) if isinstance(source, Path) else source
        check(graph.about, model.plan)
        state = dense(model.prompt.state)
        check_layout(state, layout(model.plan))
        options = SessionOptions()
        options.intra_op_num_threads = threads or usable_cores()
        self._plan = model.plan
        self._pad_id = graph.about.pad_id
        self._limit = max_text_tokens(model.plan, graph.about.positions)
        self._tokenizer = graph.tokenizer
        self._session = _opened(graph.model, options)
        self._tuned = {
            "prompt": virtual_tokens(state),
            "head.weight": state["head.weight"],
            "head.bias": state["head.bias"],
        }

    @property
    def task(self) -> Task:
        """See Tagger.task."""
        return self._plan.task

    @property
    def labels(self) -> Sequence[str]:
        """See Predictor.labels."""
        return self._plan.task.labels

    def probabilities(self, examples: Sequence[Example]) -> NDArray[np.float32]:
        """See Predictor.probabilities."""
        texts, pairs = inputs(self._plan, examples)
        sequences = self._tokenizer.encode(texts, self._limit, pairs)
        found = np.empty((len(examples), len(self.labels)), np.float32)
        for rows in _by_length(sequences):
            found[rows] = self._run([sequences[row] for row in rows])
        return found

    def word_probabilities(self, sentences: Sequence[Sequence[str]]) -> list[NDArray[np.float32]]:
        """See Tagger.word_probabilities."""
        pieces = self._tokenizer.encode_words(sentences, self._limit, self._plan.backbone.prefix)
        kept = [[place for place in one.places if place != CUT] for one in pieces]
        found = [np.empty((0, len(self.labels)), np.float32)] * len(sentences)
        for rows in _by_length([one.ids for one in pieces]):
            places = _filled([kept[row] for row in rows], 0)
            answers = self._run([pieces[row].ids for row in rows], {"places": places})
            for row, answer in zip(rows, answers, strict=True):
                found[row] = answer[: len(kept[row])]
        return found

    def _run(
        self, sequences: Sequence[Sequence[int]], more: Mapping[str, NDArray[np.int64]] | None = None
    ) -> NDArray[np.float32]:
        ids = _filled(sequences, self._pad_id)
        mask = _filled([[1] * len(sequence) for sequence in sequences], 0).astype(np.int32)
        (probabilities,) = self._session.run(None, {"ids": ids, "mask": mask, **self._tuned, **(more or {})})
        found: NDArray[np.float32] = probabilities
        return found


def _by_length(sequences: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield the index of every sequence, in batches of similar length."""
    order: list[int] = np.argsort([len(ids) for ids in sequences], kind="stable").tolist()
    for start in range(0, len(order), _BATCH):
        yield order[start : start + _BATCH]


def _filled(sequences: Sequence[Sequence[int]], value: int) -> NDArray[np.int64]:
    """Return [sequences, longest], filled up on the right."""
    found = np.full((len(sequences), max(map(len, sequences))), value, np.int64)
    for row, sequence in enumerate(sequences):
        found[row, : len(sequence)] = sequence
    return found


def _opened(graph: Path | bytes, options: SessionOptions) -> InferenceSession:
    model = str(graph) if isinstance(graph, Path) else graph
    try:
        return InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _UNREADABLE as error:
        if (known := explained(error)) is not None:
            raise known from error
        if isinstance(graph, bytes):
            raise Damaged(f"ONNX Runtime does not take the graph of the bundled backbone: {error}") from error
        raise Damaged(f"{graph} is damaged: remove {graph.parent} and export it again") from error
