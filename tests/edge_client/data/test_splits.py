"""Which example is trained or tested on, and which of them a limit keeps."""

from pathlib import Path

import pytest

from mfpt_edge.data.example import Example
from mfpt_edge.data.sources import load_dataset
from mfpt_edge.data.splits import known_splits
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode
from support.tables import LABELS, SWAHILI, load, rows, texts, write

# ---- splits


def test_one_file_is_split_90_10(tmp_path: Path) -> None:
    dataset = load(write(tmp_path / "a.tsv", "text\tlabel\n" + rows(2000)))

    assert len(dataset.train) + len(dataset.test) == 2000
    assert 150 < len(dataset.test) < 250


def test_more_rows_move_no_text_to_another_split(tmp_path: Path) -> None:
    few = load(write(tmp_path / "few.tsv", "text\tlabel\n" + rows(200)))
    many = load(write(tmp_path / "many.tsv", "text\tlabel\n" + rows(400)))

    assert texts(few.train) <= texts(many.train)
    assert texts(few.test) <= texts(many.test)


@pytest.mark.parametrize("validation", ["dev", "valid", "validation", "Dev"])
def test_a_device_trains_on_what_a_folder_validates_on(tmp_path: Path, validation: str) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + rows(50))
    write(tmp_path / f"{validation}.csv", "text,label\nv,health\n")
    write(tmp_path / "test.jsonl", '{"text": "t", "label": "sport"}')
    write(tmp_path / "labels.txt", "health\nsport\n")

    dataset = load(tmp_path)

    assert len(dataset.train) == 51
    assert dataset.train[-1] == Example("v", 0)
    assert dataset.test == (Example("t", 1),)


def test_an_experiment_reads_no_validation_file(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + rows(50))
    write(tmp_path / "dev.tsv", b"\xff")
    write(tmp_path / "test.tsv", "text\tlabel\nt\thealth\n")

    dataset = load_dataset(str(tmp_path), SWAHILI, LABELS, development=False)

    assert (len(dataset.train), len(dataset.test)) == (50, 1)


def test_a_test_that_a_folder_lacks_is_split_off_what_it_trains_and_validates_on(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + rows(500))
    write(tmp_path / "dev.tsv", "text\tlabel\n" + rows(500, start=500))

    dataset = load(tmp_path)

    assert 70 < len(dataset.test) < 130
    assert len(dataset.train) + len(dataset.test) == 1000


def test_texts_of_the_test_split_are_dropped_from_the_others(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\none\thealth\nTwo  words\thealth\nthree\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nthree\tsport\nfour\tsport\n")
    write(tmp_path / "test.tsv", "text\tlabel\ntwo words\thealth\nfour\tsport\n")

    dataset = load(tmp_path)

    assert sorted(example.text for example in dataset.train) == ["one", "three"]
    assert texts(dataset.test) == {"two words", "four"}
    assert dataset.skipped == {"text also in another split": 3}


def test_a_folder_without_training_rows_names_what_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "test.tsv", "text\tlabel\nx\thealth\n")

    with pytest.raises(DatasetError, match=r"no training file \(train\.csv, .*it holds 'test\.tsv'"):
        load(tmp_path)


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "dev.tsv", "")
    write(tmp_path / "valid.csv", "")

    with pytest.raises(DatasetError, match=r"both dev\.tsv and valid\.csv claim to be the validation split"):
        load(tmp_path)


def test_splits_of_the_hub_are_known_by_their_names_and_others_are_left() -> None:
    names = ["Train", "val", "test", "validation_mismatched", "unsupervised"]

    assert known_splits("hf:x", names) == {"train": "Train", "validation": "val", "test": "test"}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["train", "dev", "validation"], "'dev', 'validation' both claim to be the validation split"),
        (["all", "test"], "no train split; it has 'all', 'test'"),
    ],
)
def test_splits_of_the_hub_that_cannot_be_told_are_refused_by_name(names: list[str], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        known_splits("hf:x", names)


# ---- the limit


def test_the_limit_keeps_the_shares_of_the_labels_and_leaves_the_test_split(tmp_path: Path) -> None:
    health = "".join(f"h{n}\thealth\n" for n in range(900))
    file = write(tmp_path / "a.tsv", "text\tlabel\n" + health + "".join(f"s{n}\tsport\n" for n in range(100)))

    everything, some = load(file), load(file, 100)

    assert len(some.train) == 100
    assert 8 <= sum(example.label for example in some.train) <= 13
    assert some.test == everything.test


def test_every_label_is_there_before_any_takes_a_second_place(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + "".join(f"h{n}\thealth\n" for n in range(99)) + "s\tsport\n")
    write(tmp_path / "dev.tsv", "text\tlabel\nv\thealth\n")
    write(tmp_path / "test.tsv", "text\tlabel\nt\thealth\n")

    assert {example.label for example in load(tmp_path, 2).train} == {0, 1}


def test_a_smaller_limit_keeps_a_part_of_what_a_larger_one_keeps(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tsv", "text\tlabel\n" + rows(300))

    assert texts(load(file, 20).train) < texts(load(file, 50).train)
    assert load(file, 10_000) == load(file)


def test_languages_keep_different_rows_of_the_same_file(tmp_path: Path) -> None:
    file = str(write(tmp_path / "a.tsv", "text\tlabel\n" + rows(300)))
    swahili = load_dataset(file, SWAHILI, LABELS, max_examples=50)
    zulu = load_dataset(file, LanguageCode("zul"), LABELS, max_examples=50)

    assert len(texts(swahili.train) & texts(zulu.train)) < 25


def test_a_limit_below_one_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        load(tmp_path, 0)


# ---- what the split is made by


def parallel(folder: Path, language: str) -> Path:
    lines = "".join(f"{number},{language} {number},{LABELS[number % 2]}\n" for number in range(200))
    return write(folder / f"{language}.csv", f"index_id,text,label\n{lines}")


def test_translations_of_one_sentence_are_in_the_same_split_of_every_language(tmp_path: Path) -> None:
    swahili, zulu = (load(parallel(tmp_path, language)) for language in ("swh", "zul"))

    keys = [{example.key for example in dataset.test} for dataset in (swahili, zulu)]
    assert keys[0] == keys[1]
    assert 5 < len(keys[0]) < 40
    assert swahili.notes == (f"no test split: {len(keys[0])} of 200 examples are kept to test on",)


def test_one_text_under_two_keys_is_in_one_split_only(tmp_path: Path) -> None:
    lines = "".join(f"{number},same {number % 20},health\n" for number in range(200))
    dataset = load(write(tmp_path / "a.csv", f"index_id,text,label\n{lines}"))

    assert not texts(dataset.train) & texts(dataset.test)
    assert len(dataset.train) + len(dataset.test) + sum(dataset.skipped.values()) == 200


def test_a_test_split_that_is_a_copy_of_the_training_split_is_called_so(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path / f"{name}.tsv", "text\tlabel\n" + rows(20))

    with pytest.raises(DatasetError, match="every text to train on is also in the test split"):
        load(tmp_path)


def test_a_test_split_without_labels_is_made_up_for_from_the_training_split(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "text\tlabel\n" + rows(200))
    write(tmp_path / "test.tsv", "text\tlabel\na\t-1\nb\t-1\n")

    dataset = load(tmp_path)

    assert 5 < len(dataset.test) < 40
    assert dataset.notes == (f"no usable test split: {len(dataset.test)} of 200 examples are kept to test on",)
    assert dataset.skipped == {"label not in the plan: '-1'": 2}
