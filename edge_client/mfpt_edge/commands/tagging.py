"""What `mfpt-edge predict` and `evaluate` do where every word gets a label."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from mfpt_edge.commands.options import AnswerFormat, RuntimeName
from mfpt_edge.commands.runtimes import tagger
from mfpt_edge.data.example import Example
from mfpt_edge.data.unlabelled import NO_LABEL, unlabelled_sentences
from mfpt_edge.data.words import unspaced_script
from mfpt_edge.inference.tags import Tagged, evaluate, predict
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.command_line import say, say_data
from mfpt_shared.texts import printable

# Few words are longer where words are written apart; a text in a script without spaces is one such word.
_LONG: Final = 20

_log = logging.getLogger(__name__)


def tag(
    model: Model, lines: Sequence[str], runtime: RuntimeName, graph: Path | None, device: str, *, conll: bool = False
) -> list[Tagged]:
    """Return the labels of all words of sentences, one a line or in CoNLL; say what cannot be labelled well.

    Where each line is a sentence, a blank one has no words and no labels.
    """
    sentences = unlabelled_sentences(lines, model.plan.task.labels, conll=conll)
    scripts = {unspaced_script(word) for words in sentences for word in words if len(word) > _LONG} - {None}
    if scripts:
        _log.warning(
            "%s is written without spaces, so whole texts were taken for words: put spaces between words, or give "
            "CoNLL, one word a line", " and ".join(sorted(map(str, scripts))),
        )  # fmt: skip
    found = predict(tagger(model, runtime, graph, device), list(filter(None, sentences)))
    if cut := sum(one.tags.count(None) for one in found):
        _log.warning(
            "%d words have no label: sentences may be no longer than %d tokens (training.max_tokens of the plan); "
            "split long ones", cut, model.plan.training.max_tokens,
        )  # fmt: skip
    remaining = iter(found)
    return [next(remaining) if words else Tagged((), ()) for words in sentences]


def print_tags(found: Sequence[Tagged], facts: Mapping[str, int], answers: AnswerFormat, *, as_json: bool) -> None:
    """Print labelled words: `word/LABEL` for people, CoNLL, or JSON with facts about the prompt."""
    if as_json:
        rows = [{"number": number, **_row(one)} for number, one in enumerate(found, start=1)]
        say_data(json.dumps({**facts, "predictions": rows}, ensure_ascii=False))
        return
    for one in found:
        say("\n".join([*_lines(one), ""]) if answers == "conll" else " ".join(_pairs(one)))


def _row(one: Tagged) -> dict[str, object]:
    return {
        "words": one.words,
        "tags": [tag and tag.label for tag in one.tags],
        "probabilities": [tag and round(tag.probability, 4) for tag in one.tags],
    }


def _lines(one: Tagged) -> Iterator[str]:
    for word, tag in zip(one.words, one.tags, strict=True):
        yield f"{printable(word)}\t{printable(tag.label) if tag else NO_LABEL}"


def _pairs(one: Tagged) -> Iterator[str]:
    for word, tag in zip(one.words, one.tags, strict=True):
        yield f"{printable(word)}/{printable(tag.label) if tag else NO_LABEL}"


def measured_tags(
    model: Model, examples: Sequence[Example], runtime: RuntimeName, graph: Path | None, device: str
) -> dict[str, float]:
    """Return what `evaluate` measures of labels of words."""
    found = evaluate(tagger(model, runtime, graph, device), examples)
    return {
        "accuracy": found.accuracy,
        **({} if found.f1 is None else {"f1": found.f1}),
        "loss": found.loss,
        "words": found.words,
        "cut_words": found.cut_words,
    }
