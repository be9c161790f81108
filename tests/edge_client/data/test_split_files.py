"""Which file of a folder is which split, what cannot be told, and what is said of it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mfpt_edge.data.sources import load_dataset, load_split
from mfpt_edge.data.split_files import split_files
from mfpt_shared.errors import DatasetError
from mfpt_shared.languages import LanguageCode
from support.tables import LABELS, SWAHILI, load, rows, texts, write


def filled(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write(folder / name, "")
    return folder


def found(folder: Path, language: LanguageCode = SWAHILI) -> Mapping[str, list[str]]:
    files = split_files(folder, "classification", language).files
    return {split: [file.relative_to(folder).as_posix() for file in of] for split, of in files.items()}


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train.csv", "val.csv", "test.csv"),
        ("training.tsv", "eval.tsv", "testing.tsv"),
        ("Train.JSONL", "Development.jsonl", "TEST.tsv"),
        ("train.jsonl.gz", "valid.csv.gz", "test.csv"),
        ("sw_train.tsv", "sw_dev.tsv", "sw_test.tsv"),
        ("news-train-v2.csv", "news-devel.csv", "news-test-v2.csv"),
        ("TrainSet.csv", "DevSet.csv", "TestSet.csv"),
        ("my training data.csv", "evaluation.csv", "testdata1.csv"),
    ],
)
def test_splits_are_known_by_every_usual_name(tmp_path: Path, train: str, validation: str, test: str) -> None:
    filled(tmp_path, train, validation, test, "README.md")

    assert found(tmp_path) == {"train": [train], "validation": [validation], "test": [test]}


@pytest.mark.parametrize("name", ["latest.csv", "contest.csv", "train_test.csv", "test_unlabelled.csv", "test.xlsx"])
def test_a_name_that_says_no_split_or_two_is_not_used_and_named(tmp_path: Path, name: str) -> None:
    files = split_files(filled(tmp_path, "train.csv", name), "classification", SWAHILI)

    assert files.files.keys() == {"train"}
    assert files.notes == (f"{tmp_path}: not used: '{name}'",)


def test_parts_of_a_split_are_read_together_in_their_order(tmp_path: Path) -> None:
    for number in (1, 0):
        write(tmp_path / f"train-0000{number}-of-00002.tsv", "text\tlabel\n" + rows(30, start=30 * number))
    write(tmp_path / "test-00000-of-00001.tsv", "text\tlabel\nt\thealth\n")

    dataset = load(tmp_path)

    assert [example.text for example in dataset.train] == [f"sentence {number}" for number in range(60)]
    assert texts(dataset.test) == {"t"}
    assert dataset.notes == (f"{tmp_path}: 'train-00000-of-00002.tsv' and 1 more joined as the train split",)


def test_a_part_that_is_missing_is_said(tmp_path: Path) -> None:
    files = split_files(filled(tmp_path, "train-00001-of-00003-ab12.parquet"), "classification", SWAHILI)

    assert files.notes[-1] == f"{tmp_path}: 'train-00001-of-00003-ab12.parquet': 1 of 3 parts are here"


@pytest.mark.parametrize(
    "names", [("train-00000-of-00001-ab.csv", "train-00000-of-00001-cd.csv"), ("a_train.csv", "b_train.csv")]
)
def test_files_that_claim_the_same_are_refused_with_their_names(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(DatasetError, match=rf"both {names[0]} and {names[1]} claim to be"):
        found(filled(tmp_path, *names))


def test_folders_named_after_splits_hold_their_files(tmp_path: Path) -> None:
    filled(tmp_path, "train/a.csv", "train/b.csv", "test/c.csv", "test/notes.docx")

    assert found(tmp_path) == {"train": ["train/a.csv", "train/b.csv"], "test": ["test/c.csv"]}


def test_a_folder_with_two_formats_of_one_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"more than one format \(\.csv, \.jsonl\)"):
        found(filled(tmp_path, "train/a.csv", "train/a.jsonl"))


def test_data_beside_a_card_is_looked_for_where_the_hub_has_it(tmp_path: Path) -> None:
    files = split_files(
        filled(tmp_path, "more.csv", "data/train-00000-of-00001.parquet", "data/x.md"), "classification", SWAHILI
    )

    assert files.files == {"train": [tmp_path / "data" / "train-00000-of-00001.parquet"]}
    assert files.notes == (f"{tmp_path / 'data'}: not used: 'x.md'", f"{tmp_path}: not used: 'more.csv'")


def test_a_sole_file_of_data_is_read_whatever_its_name(tmp_path: Path) -> None:
    files = split_files(filled(tmp_path, "habari.csv", "labels.txt", "about.txt"), "classification", SWAHILI)

    assert files.files == {"train": [tmp_path / "habari.csv"]}
    assert files.notes == (
        f"{tmp_path}: 'habari.csv' read, the only file of data",
        f"{tmp_path}: not used: 'about.txt', 'labels.txt'",
    )


def test_a_folder_of_languages_is_refused_with_the_one_to_give(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"it holds 'swh_Latn', 'zul': give .*swh_Latn, which is named after"):
        found(filled(tmp_path, "swh_Latn/train.tsv", "zul/train.tsv"))


def test_a_language_in_two_scripts_is_asked_about_by_the_folders_of_both(tmp_path: Path) -> None:
    filled(tmp_path, "arb_Arab/train.csv", "arb_Latn/train.csv", "swh_Latn/train.csv")
    with pytest.raises(DatasetError, match=r"Which one\? Standard Arabic \(arb\) is in .*arb_Arab or .*arb_Latn$"):
        found(tmp_path, LanguageCode("arb"))


def test_of_several_languages_in_one_folder_the_one_wanted_is_read(tmp_path: Path) -> None:
    filled(tmp_path, "sw_train.tsv", "zu_train.tsv", "sw_test.tsv", "zu_test.tsv")

    assert found(tmp_path) == {"train": ["sw_train.tsv"], "test": ["sw_test.tsv"]}
    assert found(tmp_path, LanguageCode("zul")) == {"train": ["zu_train.tsv"], "test": ["zu_test.tsv"]}


def test_a_plain_name_counts_before_one_with_other_words_which_is_named(tmp_path: Path) -> None:
    files = split_files(filled(tmp_path, "train.csv", "train_old.csv"), "classification", SWAHILI)

    assert files.files == {"train": [tmp_path / "train.csv"]}
    assert files.notes == (f"{tmp_path}: not used: 'train_old.csv'",)


def test_the_plain_text_beside_a_treebank_is_not_used_and_named(tmp_path: Path) -> None:
    names = ("sw_x-ud-train.conllu", "sw_x-ud-train.txt")
    files = split_files(filled(tmp_path, *names), "tagging", SWAHILI)

    assert files.files == {"train": [tmp_path / names[0]]}
    assert files.notes[-1] == f"{tmp_path}: not used: '{names[1]}'"


def test_a_guessed_split_is_said(tmp_path: Path) -> None:
    files = split_files(filled(tmp_path, "train.csv", "val.csv"), "classification", SWAHILI)

    assert files.notes == (f"{tmp_path}: 'val.csv' read as the validation split",)


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.csv").symlink_to(tmp_path / "gone.csv")

    with pytest.raises(DatasetError, match=r"train\.csv: no such file$"):
        load(tmp_path)


# ---- one file with all splits


def test_a_column_that_says_the_split_keeps_the_test_out_of_the_training(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.csv", "text,label,Split,category\na,health,train,\nb,sport,Val,\nc,health,TEST,\nd,sport,,\n"
    )

    dataset = load(file)

    assert (texts(dataset.train), texts(dataset.test)) == ({"a", "b", "d"}, {"c"})
    assert dataset.notes == (
        f"{file}: rows parted by 'Split': 2 train, 1 validation, 1 test",
        f"{file}: label column 'label'; not used: 'category'",
    )
    assert len(load_dataset(str(file), SWAHILI, LABELS, development=False).train) == 2


def test_a_column_of_other_words_is_no_split(tmp_path: Path) -> None:
    table = "text,label,set\n" + "".join(f"a{number},health,{'train' if number else 'tea'}\n" for number in range(40))

    assert len(load(write(tmp_path / "a.csv", table)).train) > 30


def test_a_row_whose_split_is_not_known_is_skipped_and_never_trained_on(tmp_path: Path) -> None:
    table = "text,label,split\na,health,train\nb,sport,test\nc,health,holdout\nd,sport,\n"

    dataset = load(write(tmp_path / "a.csv", table))

    assert (texts(dataset.train), texts(dataset.test)) == ({"a", "d"}, {"b"})
    assert dataset.skipped == {"'split' says no known split: 'holdout'": 1}


def test_an_evaluation_reads_the_test_rows_of_a_file_with_all_splits(tmp_path: Path) -> None:
    loaded = load_split(write(tmp_path / "a.csv", "text,label,split\na,health,train\nb,sport,test\n"), LABELS)

    assert texts(loaded.examples) == {"b"}
    assert loaded.skipped == {"not of the test split": 1}
