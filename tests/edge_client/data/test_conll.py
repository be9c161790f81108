"""Tagged text as people and tools write it: columns, comments, line ends, and lines that are damaged."""

from pathlib import Path

import pytest

from mfpt_edge.data.sources import Loaded, load_split
from mfpt_shared.errors import DatasetError
from support.tables import write

LABELS = ("NOUN", "VERB", "PUNCT")
PLAIN = "Mtoto NOUN\nanacheza VERB\n. PUNCT\n\nMvua NOUN\ninanyesha VERB\n"
WORDS = [(("Mtoto", "anacheza", "."), (0, 1, 2)), (("Mvua", "inanyesha"), (0, 1))]


def loaded(folder: Path, content: str, name: str = "a.conll") -> Loaded:
    return load_split(write(folder / name, content), LABELS, kind="tagging")


def sentences(split: Loaded) -> list[tuple[tuple[str, ...], tuple[int, ...]]]:
    return [(example.words, example.tags) for example in split.examples]


@pytest.mark.parametrize("name", ["a.txt", "a.conll", "a.CONLLU", "a.tsv"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN, id="spaces"),
        pytest.param(PLAIN.replace(" ", "\t"), id="tabs"),
        pytest.param(PLAIN.replace(" ", "\t\t"), id="tabs that align by eye"),
        pytest.param(PLAIN.replace(" ", " \t").replace("\n", "  \n"), id="mixed, with spaces at the end"),
        pytest.param(PLAIN.replace("\n", "\r\n"), id="Windows"),
        pytest.param(PLAIN.replace("\n", "\r"), id="classic Mac"),
        pytest.param(PLAIN.replace("\n", "\r\r\n"), id="Windows, twice"),
        pytest.param("\ufeff" + PLAIN, id="byte order mark"),
        pytest.param(PLAIN.rstrip("\n"), id="no line end at the end"),
        pytest.param(PLAIN.replace("\n\n", "\n \u00a0\t\u200b\n\n\n"), id="blank lines that only look blank"),
        pytest.param(PLAIN.replace(" ", "\t_\tB-NP\t"), id="more columns"),
        pytest.param("-DOCSTART- -X- O\n\n" + PLAIN, id="document marks"),
        pytest.param("word tag\n" + PLAIN, id="names of columns"),
        pytest.param("# source: radio\n" + PLAIN.replace("\n\n", "\n\n#id=2\n#sent 2\n# 2\n"), id="comments"),
        pytest.param(PLAIN.replace("Mtoto", "\u200b\u00a0Mtoto\ufeff"), id="invisible characters around a word"),
        pytest.param(PLAIN.lower().replace("m", "M"), id="labels in lower case"),
    ],
)
def test_the_same_sentences_come_back_however_they_are_written(tmp_path: Path, content: str, name: str) -> None:
    split = loaded(tmp_path, content, name)
    assert sentences(split) == WORDS
    assert not split.skipped_rows


def test_a_word_may_hold_spaces_where_tabs_stand_between_columns(tmp_path: Path) -> None:
    split = loaded(tmp_path, "Dar es Salaam\tNOUN\n10\u00a0000\tNOUN\n")
    assert sentences(split) == [(("Dar es Salaam", "10\u00a0000"), (0, 0))]


def test_a_no_break_space_is_part_of_its_word(tmp_path: Path) -> None:
    assert sentences(loaded(tmp_path, "10\u00a0000 NOUN\nyetu VERB\n")) == [(("10\u00a0000", "yetu"), (0, 1))]


def test_a_number_sign_with_a_tag_of_the_file_is_a_word(tmp_path: Path) -> None:
    split = loaded(tmp_path, f"# PUNCT\n#Kenya NOUN\n\n# radio\n#Mvua NOUN\n. PUNCT\n\n{PLAIN}")
    assert [words for words, _ in sentences(split)][:2] == [("#", "#Kenya"), ("#Mvua", ".")]


def test_universal_dependencies_give_syntactic_words_and_their_upos(tmp_path: Path) -> None:
    rows = ["1-2\tnisimwone\t_\t_", "1\tnisi\tsi\tVERB", "2\tmwone\tona\tVERB", "2.1\t_\t_\t_", "3\t.\t.\tPUNCT"]
    lines = ["# sent_id = 1", "# text = nisimwone.", *(f"{row}\tX\t_\t_\t_\t_\t_" for row in rows)]
    assert sentences(loaded(tmp_path, "\n".join(lines), "a.conllu")) == [(("nisi", "mwone", "."), (1, 1, 2))]


@pytest.mark.parametrize(
    ("damaged", "reason"),
    [
        ("Mtoto\tNOUN\nanacheza\n", "word without a tag"),
        ("Mtoto\tNOUN\nanacheza\t\n", "word without a tag"),
        ("Mtoto\tNOUN\n#anacheza\n", "word without a tag"),
        ("#Mtoto\nanacheza\tVERB\n", "word without a tag"),
        ("Mtoto\tNOUN\n\tVERB\n", "empty word"),
        ("Mtoto\tNOUN\n\u200b\u00a0\tVERB\n", "empty word"),
        ("Mtoto\tNOUN\n\u200d\tVERB\n", "empty word"),
        ("Mtoto\tNOUN\n VERB\n", "empty word"),
        ("Mtoto\tNOUN\nanacheza\tVERB\tVERB\n", "line with too few or too many columns"),
        ("Mtoto\tNOUN\nanacheza\tNOUNS\n", "label not in the plan: 'NOUNS'"),
        ("Mtoto\tNOUN\n" * 1001, "more than 1000 words without a blank line"),
    ],
)
def test_a_damaged_sentence_is_skipped_whole_with_its_place(tmp_path: Path, damaged: str, reason: str) -> None:
    sound = "\n\n".join(["Mvua\tNOUN\ninanyesha\tVERB"] * 300)
    split = loaded(tmp_path, f"Mtoto\tNOUN\n\n{damaged}\n{sound}\n" if len(damaged) < 99 else f"a\tNOUN\n\n{damaged}")
    assert [(skipped.place.row, skipped.reason) for skipped in split.skipped_rows] == [(3, reason)]
    assert dict(split.skipped) == {reason: 1}


def test_a_file_without_blank_lines_is_one_sentence_that_is_too_long(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no row can be used \(1 x more than 1000 words without a blank line\)"):
        loaded(tmp_path, "neno NOUN\n" * 100_000)


@pytest.mark.parametrize("content", ["Mtoto\nanacheza\n", "# Mtoto NOUN\n", "-DOCSTART- O\n"])
def test_a_file_without_tags_is_no_tagged_text(tmp_path: Path, content: str) -> None:
    with pytest.raises(DatasetError, match="one word and its tag"):
        loaded(tmp_path, content)


def test_labels_of_the_file_are_named_where_none_is_the_plans(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="its labels: 'N', 'V'; the plan's labels: 'NOUN', 'VERB', 'PUNCT'"):
        loaded(tmp_path, "Mtoto N\nanacheza V\n")


def test_a_damaged_byte_costs_its_sentence(tmp_path: Path) -> None:
    content = PLAIN.encode() + b"\nWat\xf6to NOUN\n. PUNCT\n\n" + PLAIN.encode()

    split = load_split(write(tmp_path / "a.conll", content), LABELS, kind="tagging")

    assert sentences(split) == WORDS * 2
    assert split.skipped == {"bytes that are not UTF-8": 1}
