"""Whole data sets: what a summary shows of one, and two public ones."""

from collections import Counter
from pathlib import Path

import pytest

from mfpt_edge.data.sources import load_dataset
from mfpt_edge.data.summary import describe
from mfpt_shared.languages import LanguageCode
from support.tables import LABELS, SWAHILI, load, write

SAMPLES = Path(__file__).parents[4] / "shared" / "data"

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample data sets are not beside the repository")


# ---- the summary


def test_a_summary_counts_every_label_and_shows_different_ones(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\na\thealth\nb\thealth\nc\thealth\nd\tsport\n\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nv\thealth\n")
    write(tmp_path / "test.tsv", "text\tlabel\nt\tsport\n")

    summary = describe(load(tmp_path), LABELS)

    assert summary.counts == {
        "train": {"health": 4, "sport": 1},
        "test": {"health": 0, "sport": 1},
    }
    assert summary.skipped == {"empty text": 1}
    assert summary.first_skipped == {"empty text": f"{tmp_path / 'train.tsv'}, row 6"}
    assert summary.samples == (("health", "a"), ("sport", "d"), ("health", "b"))


# ---- public data sets


@needs_samples
def test_sib200_keeps_its_published_splits() -> None:
    folder = SAMPLES / "sib200" / "swh_Latn"
    labels = tuple((folder / "labels.txt").read_text(encoding="utf-8").split("\n")[:7])

    dataset = load_dataset(str(folder), SWAHILI, labels)

    assert (len(dataset.train), len(dataset.test)) == (701 + 99, 204)
    assert Counter(example.label for example in dataset.test).keys() == set(range(7))
    assert dataset.skipped == {}


@needs_samples
def test_masakhanews_fields_with_quoted_line_breaks_are_whole() -> None:
    folder = SAMPLES / "masakhanews" / "xho"
    labels = ("business", "entertainment", "health", "politics", "sports")

    dataset = load_dataset(str(folder), LanguageCode("xho"), labels)

    assert (len(dataset.train), len(dataset.test)) == (1032 + 147, 297)
    assert dataset.train[0].text.startswith("Iinguqu kwiRadio 2000! Isikhululo seSABC")
    assert "\n" in dataset.train[0].text
    assert dataset.skipped == {}
