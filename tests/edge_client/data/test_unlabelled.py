"""Sentences whose words are to be labelled: lines of text, CoNLL with and without labels, CoNLL-U."""

import pytest

from mfpt_edge.data.unlabelled import are_tagged_words, unlabelled_sentences

LABELS = ("NOUN", "VERB", "PUNCT")
WANTED = [("Bei", "imepanda", "."), ("Habari",)]
UNIVERSAL = "\t".join("_" * 6)


@pytest.mark.parametrize(
    "text",
    [
        "Bei imepanda.\nHabari\n",
        "Bei\nimepanda\n.\n\nHabari\n\n",
        "Bei NOUN\nimepanda VERB\n. PUNCT\n\nHabari NOUN",
        "# sentence 1\nBei\tx\tNOUN\nimepanda\ty\tVERB\n.\tz\t_\n\n\n# sentence 2\nHabari\tx\tNOUN\n",
        "-DOCSTART- -X- O\n\nBei x NOUN\nimepanda y VERB\n. z PUNCT\n\n-DOCSTART- -X- O\n\nHabari x NOUN\n",
        f"1-2\tBeiimepanda\t_\t_\t{UNIVERSAL}\n1\tBei\tbei\tNOUN\t{UNIVERSAL}\n2\timepanda\tpanda\tVERB\t{UNIVERSAL}\n"
        f"2.1\tx\tx\tX\t{UNIVERSAL}\n3\t.\t.\tPUNCT\t{UNIVERSAL}\n\n1\tHabari\thabari\tX\t{UNIVERSAL}\n",
    ],
    ids=["text", "words", "labelled", "columns", "document marks", "universal"],
)
def test_sentences_are_read_as_they_are_written(text: str) -> None:
    assert unlabelled_sentences(text.splitlines(), LABELS) == WANTED


def test_a_blank_line_among_sentences_is_a_sentence_without_words() -> None:
    assert unlabelled_sentences(["Bei imepanda.", "", "Habari", " "], LABELS) == [WANTED[0], (), WANTED[1], ()]


def test_lines_of_one_word_are_sentences_where_nothing_separates_them() -> None:
    assert unlabelled_sentences(["Habari", "Asante"], LABELS) == [("Habari",), ("Asante",)]


def test_a_word_of_conll_is_not_split() -> None:
    assert unlabelled_sentences(["k'", "1 000\tNOUN", "e.g.", "", "x"], LABELS) == [("k'", "1 000", "e.g."), ("x",)]


def test_a_sentence_that_ends_in_the_name_of_a_label_among_others_is_text() -> None:
    assert unlabelled_sentences(["a NOUN", "the food was good"], LABELS) == [
        ("a", "NOUN"),
        ("the", "food", "was", "good"),
    ]


def test_what_cannot_be_seen_beside_a_word_is_no_part_of_it() -> None:
    assert unlabelled_sentences(["\u200eBei\u200b\tNOUN", "imepanda\ufeff VERB"], LABELS) == [("Bei", "imepanda")]


def test_what_is_known_to_be_conll_is_read_as_that_whatever_its_labels_are() -> None:
    lines = ["Amina B-PER", "anaishi O", "", "Habari"]
    assert unlabelled_sentences(lines, LABELS, conll=True) == [("Amina", "anaishi"), ("Habari",)]
    assert unlabelled_sentences(["Habari", "Asante"], LABELS, conll=True) == [("Habari", "Asante")]


@pytest.mark.parametrize(
    "text",
    [
        "Amina B-PER\nanaishi O\n\nMombasa B-LOC\nsasa O\nAmina B-PER\nleo O\n",
        "-DOCSTART- -X- O\n\nbei\tx\tNOUN\nchakula\ty\tNOUN\n\nmtoto\tz\tNOUN\n.\tz\tPUNCT\n",
        "".join(f"{number}\tneno\tneno\tNOUN\t_\t_\t0\troot\t_\tSpaceAfter=No\n" for number in range(1, 5)),
    ],
    ids=["words", "columns", "universal"],
)
def test_tagged_words_are_told_from_texts(text: str) -> None:
    assert are_tagged_words(text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "Habari ya asubuhi\nAsante sana\nBei imepanda tena\nKaribu\n",
        "BEI IMEPANDA\nMVUA KUBWA\nHABARI NJEMA\nASANTE SANA\n",
        "the food\tgood\nthe room\tbad\nthe bed\tgood\nthe bath\tbad\n",
        "Habari\nHabari\nHabari\nHabari\n",
        "",
    ],
    ids=["sentences", "capitals", "pairs", "words", "nothing"],
)
def test_texts_and_pairs_are_no_tagged_words(text: str) -> None:
    assert not are_tagged_words(text.splitlines())
