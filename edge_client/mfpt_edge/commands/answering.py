"""What `mfpt-edge predict` answers about whole texts: one answer for each, in order; a blank text has a blank one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mfpt_edge.commands.options import RuntimeName
from mfpt_edge.commands.runtimes import completer, predictor
from mfpt_edge.inference.completions import Completer, complete
from mfpt_edge.inference.labels import Predictor
from mfpt_edge.inference.labels import predict as label
from mfpt_edge.storage.saved_prompt import Model
from mfpt_shared.errors import BadData
from mfpt_shared.plan import Task
from mfpt_shared.texts import printable

Row = dict[str, str | float | None]
"""What `predict --json` prints for one text: its number, the text, and the answer, which is null for a blank text."""


def answers(model: Model, texts: Sequence[str], runtime: RuntimeName, graph: Path | None, device: str) -> list[Row]:
    """Return what a model says about each text.

    Args:
        model: Plan and prompt.
        texts: Texts as they were given, in order; the two of a pair come as one, with a tab between them.
        runtime: What computes the answers.
        graph: Folder that `export --onnx` wrote.
        device: Processor.

    Raises:
        BadData: The task is about pairs, and a text that is not blank is none.
    """
    task = model.plan.task
    if task.generates:
        return completed(completer(model, runtime, device), texts)
    pairs = _pairs(texts) if task.kind == "pairs" else None
    return labelled(predictor(model, runtime, graph, device), texts, pairs)


def completed(model: Completer, texts: Sequence[str]) -> list[Row]:
    """Return a completion for each text."""
    found = iter(complete(model, list(filter(None, texts))))
    return [
        {"number": number, "text": text, "completion": next(found).completion if text else None}
        for number, text in enumerate(texts, start=1)
    ]


def labelled(model: Predictor, texts: Sequence[str], pairs: Sequence[tuple[str, str]] | None = None) -> list[Row]:
    """Return a label for each text, or each pair: `pairs` has one for every text that is not blank."""
    if pairs is None:
        found = label(model, list(filter(None, texts)))
    else:
        found = label(model, [first for first, _ in pairs], [second for _, second in pairs])
    remaining, seconds = iter(found), iter(pairs or ())
    rows: list[Row] = []
    for number, text in enumerate(texts, start=1):
        row: Row = {"number": number, "text": "", "label": None, "probability": None}
        if text:
            one = next(remaining)
            row |= {"text": one.text, "label": one.label, "probability": round(one.probability, 4)}
        if pairs is not None:
            row["pair"] = next(seconds)[1] if text else ""
        rows.append(row)
    return rows


def lines(rows: Sequence[Row], task: Task) -> Iterator[str]:
    """Give the line that people read for each row, which is empty for a blank text."""
    for row in rows:
        if not row["text"]:
            yield ""
        elif task.generates:
            # A completion may have several lines; here it is printed on one.
            yield f"{printable(' '.join(str(row['completion']).split()))}\t{printable(str(row['text']))}"
        else:
            shown = [printable(str(row[name])) for name in ("label", "text", "pair") if name in row]
            yield "\t".join([shown[0], f"{row['probability']:.3f}", *shown[1:]])


def _pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs in texts that are not blank.

    Raises:
        BadData: One of them is no pair.
    """
    pairs = []
    for number, text in enumerate(texts, start=1):
        first, second = (part.strip() for part in text.partition("\t")[::2])
        if text and not (first and second):
            raise BadData(f"text {number} of {len(texts)} is not a pair: give two texts with a tab between them")
        if text:
            pairs.append((first, second))
    return pairs
