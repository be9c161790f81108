"""Data files for tests, written and read."""

from pathlib import Path

from mfpt_edge.data.columns import Columns
from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import Dataset, load_dataset, load_split
from mfpt_shared.languages import LanguageCode

SWAHILI = LanguageCode("swh")
LABELS = ("health", "sport")


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(count: int, start: int = 0) -> str:
    return "".join(f"sentence {n}\t{LABELS[n % 2]}\n" for n in range(start, start + count))


def read(path: Path, columns: Columns | None = None) -> list[tuple[str, str]]:
    split = load_split(path, LABELS, columns or Columns())
    return [(example.text, LABELS[example.label]) for example in split.examples]


def load(source: Path, max_examples: int | None = None) -> Dataset:
    return load_dataset(str(source), SWAHILI, LABELS, max_examples=max_examples)


def texts(examples: tuple[Example, ...]) -> set[str]:
    return {example.text for example in examples}
