"""Tagged text in any dialect, with damage anywhere: what is sound comes back, and what is not is counted."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_edge.data.sources import Loaded, load_split
from mfpt_shared.errors import DatasetError

LABELS = ("NOUN", "VERB", "PUNCT")
LETTERS = st.characters(categories=["L", "M", "N", "P", "S"], exclude_characters="#")
Word = tuple[str, str]
DAMAGE: dict[str, Callable[[str, str, str], str]] = {
    "no tag": lambda word, tag, gap: word,
    "no word": lambda word, tag, gap: f"{gap}{tag}",
    "a tag of its own": lambda word, tag, gap: f"{word}{gap}ADJ",
    "too many columns": lambda word, tag, gap: gap.join([word, "x", "y", "z", tag]),
}


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    Attributes:
        gap: What stands between columns.
        inside: What may stand inside a word.
        end: What ends a line.
        between: What stands between sentences, beside a line end.
        first: What the file begins with.
        middle: Columns between word and tag.
    """

    gap: str
    inside: str
    end: str
    between: str
    first: str
    middle: int


@dataclass(frozen=True)
class Written:
    """A file, the sentences in it that are sound, and how many it has altogether."""

    content: bytes
    sound: list[list[Word]]
    sentences: int


@st.composite
def dialects(draw: st.DrawFn) -> Dialect:
    gap = draw(st.sampled_from(["\t", " ", "  ", " \t"]))
    return Dialect(
        gap,
        draw(st.sampled_from(["", "\u00a0", "\u200d", "\u2028", "#", *([" "] if gap == "\t" else [])])),
        draw(st.sampled_from(["\n", "\r\n", "\r", " \n"])),
        draw(
            st.sampled_from(
                ["\n", "\n\n\u200b\n", "\n# a note of two lines\n", "\n-DOCSTART- -X- O\n\n", "\n \u00a0\n"]
            )
        ),
        draw(st.sampled_from(["", "\ufeff", "# a note\n", "\n\n", "-DOCSTART- O\n\n"])),
        draw(st.integers(0, 2)),
    )


@st.composite
def files(draw: st.DrawFn) -> Written:
    dialect = draw(dialects())
    words = st.builds(
        lambda first, last: f"{first}{dialect.inside}{last}", *[st.text(LETTERS, min_size=1, max_size=4)] * 2
    )
    found = draw(
        st.lists(st.lists(st.tuples(words, st.sampled_from(LABELS)), min_size=3, max_size=6), min_size=1, max_size=8)
    )
    damaged = draw(st.sets(st.integers(1, len(found) - 1))) if len(found) > 1 else set()
    gap = dialect.gap.join(["", *["_"] * dialect.middle, ""]) if dialect.middle else dialect.gap
    blocks = []
    for place, sentence in enumerate(found):
        lines = [f"{word}{gap}{tag}" for word, tag in sentence]
        if place in damaged:
            at = draw(st.integers(0, len(lines) - 1))
            lines[at] = DAMAGE[draw(st.sampled_from(sorted(DAMAGE)))](*sentence[at], gap)
        blocks.append("\n".join(lines) + "\n")
    text = (dialect.first + dialect.between.join(blocks)).replace("\n", dialect.end)
    sound = [sentence for place, sentence in enumerate(found) if place not in damaged]
    return Written(text.encode(), sound, len(found))


def load(content: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.conll"
        file.write_bytes(content)
        return load_split(file, LABELS, kind="tagging")


@given(files())
@settings(max_examples=60)
def test_every_sound_sentence_comes_back_and_every_other_is_counted(written: Written) -> None:
    split = load(written.content)
    found = [list(zip(one.words, (LABELS[tag] for tag in one.tags), strict=True)) for one in split.examples]
    assert found == written.sound
    assert len(split.examples) + len(split.skipped_rows) == written.sentences


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        split = load(content)
    except DatasetError as error:
        assert str(error).encode()
    else:
        assert all(one.words and len(one.words) == len(one.tags) for one in split.examples)
