"""Properties of reading and splitting: whatever the bytes, whatever the order of the rows."""

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_edge.data.example import Example, comparable
from mfpt_edge.data.sources import Dataset, load_dataset
from mfpt_shared.errors import DatasetError
from mfpt_shared.languages import LanguageCode

SWAHILI = LanguageCode("swh")
LABELS = ("health", "sport")

# Text that reaches beyond the first checks: a header, delimiters, quotes, labels and broken pieces of each.
WORDS = ("text", "label", "health", "sport", "null", '{"text": "a", "label": "health"}\n', '{"label": 1e999}\n')
BROKEN = ('{"text": "\\ud800", "label": 1}\n', *',\t;"\n\r\0{}[:01', "\ufeff", "\u2028")
PIECES = st.sampled_from(WORDS + BROKEN)
STRUCTURED = st.builds(
    lambda header, pieces: (header + "".join(pieces)).encode(),
    st.sampled_from(["", "text,label\n", "text\tlabel\n", "headline\ttext\tcategory\r\n"]),
    st.lists(PIECES | st.text(max_size=5), max_size=40),
)
SENTENCES = st.lists(
    st.tuples(st.text(st.characters(categories=["L", "N", "Zs"]), min_size=1, max_size=6), st.sampled_from(LABELS)),
    min_size=1,
    max_size=60,
).filter(lambda rows: any(text.strip() for text, _ in rows))


def load(content: bytes, suffix: str, max_examples: int | None = None) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"data{suffix}"
        file.write_bytes(content)
        return load_dataset(str(file), SWAHILI, LABELS, max_examples=max_examples)


def load_rows(rows: list[tuple[str, str]], max_examples: int | None = None) -> Dataset | None:
    content = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows)
    try:
        return load(content.encode(), ".tsv", max_examples)
    except DatasetError:  # a few rows may all fall to the test
        return None


def as_multisets(dataset: Dataset | None) -> list[list[Example]]:
    splits = (dataset.train, dataset.test) if dataset else ()
    return [sorted(split, key=lambda example: (example.text, example.label)) for split in splits]


@given(st.binary(max_size=200) | STRUCTURED, st.sampled_from([".csv", ".tsv", ".jsonl"]))
@settings(max_examples=200)
def test_any_bytes_give_a_data_set_or_a_data_set_error(content: bytes, suffix: str) -> None:
    try:
        dataset = load(content, suffix)
    except DatasetError as error:
        assert str(error).encode()
    else:
        examples = dataset.train + dataset.test
        assert all(example.text.strip() == example.text != "" for example in examples)
        assert all(0 <= example.label < len(LABELS) for example in examples)


@given(SENTENCES)
@settings(max_examples=100)
def test_equal_texts_share_a_split(rows: list[tuple[str, str]]) -> None:
    dataset = load_rows(rows + [(f" {text.upper()} ", label) for text, label in rows] + rows)
    if dataset is not None:
        train, test = ({comparable(example.text) for example in split} for split in (dataset.train, dataset.test))
        assert not train & test
        assert dataset.skipped.get("text also in another split", 0) == 0


@given(SENTENCES, st.randoms(use_true_random=False), st.none() | st.integers(1, 30))
@settings(max_examples=100)
def test_the_order_of_the_rows_decides_nothing(
    rows: list[tuple[str, str]], shuffler: random.Random, limit: int | None
) -> None:
    shuffled = list(rows)
    shuffler.shuffle(shuffled)

    assert as_multisets(load_rows(rows, limit)) == as_multisets(load_rows(shuffled, limit))


@given(SENTENCES, st.integers(1, 30))
@settings(max_examples=100)
def test_the_limit_holds_and_loses_no_label_that_fits(rows: list[tuple[str, str]], limit: int) -> None:
    everything, some = load_rows(rows), load_rows(rows, limit)
    if everything is not None and some is not None:
        labels = {example.label for example in everything.train}
        assert len(some.train) == min(limit, len(everything.train))
        assert len({example.label for example in some.train}) == min(limit, len(labels))
