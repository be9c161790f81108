"""What the owner of a file says its labels mean."""

from pathlib import Path

import pytest

from mfpt_edge.data.label_map import map_lines, meanings, nearest, read_label_map
from mfpt_edge.data.label_readings import contract, read_labels
from mfpt_edge.data.sources import load_dataset, load_split
from mfpt_shared.errors import DatasetError
from support.tables import SWAHILI, write

TOPICS = ("politics", "sports", "health")


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
def test_a_label_map_is_a_toml_file_with_or_without_a_byte_order_mark(tmp_path: Path, before: bytes) -> None:
    file = write(tmp_path / "map.toml", before + b'"Siasa" = "politics"\nMichezo = "sports"\n')

    assert read_label_map(file) == {"Siasa": "politics", "Michezo": "sports"}


@pytest.mark.parametrize(
    ("content", "said"),
    [("Siasa: politics", "is not TOML"), ("a.b = 'politics'", "'a' must stand for a label"), ("a = 1", "'a' must")],
)
def test_a_file_that_is_no_label_map_is_refused_with_what_to_write(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        read_label_map(write(tmp_path / "map.toml", content))


def test_a_label_map_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"--label-map .*none\.toml cannot be read"):
        read_label_map(tmp_path / "none.toml")


def test_labels_of_a_map_are_compared_as_people_do() -> None:
    assert meanings({"SIASA ": "Politics", "afya": ""}, ["siasa", "Afya", "else"], TOPICS) == {"siasa": 0, "Afya": None}


def test_a_meaning_that_is_no_label_of_the_plan_is_refused_with_the_nearest() -> None:
    with pytest.raises(DatasetError, match=r"'Michezo' is 'sport', .*'sports' may be meant"):
        meanings({"Michezo": "sport"}, ["Michezo"], TOPICS)


@pytest.mark.parametrize(("label", "meant"), [("sportss", "sports"), ("Politic", "politics"), ("Siasa", None)])
def test_the_nearest_label_is_suggested_where_one_is_near(label: str, meant: str | None) -> None:
    assert nearest(label, TOPICS) == meant


def test_the_owner_is_believed_before_anything_is_guessed(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\n" + "".join(f"text {n},{n % 3}\n" for n in range(30)))

    split = load_split(file, TOPICS, renamed={"0": "health", "1": "politics", "2": ""})

    assert [TOPICS[example.label] for example in split.examples[:2]] == ["health", "politics"]
    assert split.skipped == {"label left out by the label map": 10}
    assert split.notes[-1] == "labels read as the label map says: '0' as 'health', '1' as 'politics'"


def test_labels_that_fit_nothing_are_refused_with_the_lines_of_a_map_that_works(tmp_path: Path) -> None:
    content = "text,label\n" + "".join(f"text {n},{('Politik', 'Sport')[n % 2]}\n" for n in range(30))
    file = write(tmp_path / "a.csv", content)

    with pytest.raises(DatasetError) as caught:
        load_dataset(str(file), SWAHILI, TOPICS, renamed={})

    lines = str(caught.value).split("--label-map")[1].splitlines()[1:]
    mapped = read_label_map(write(tmp_path / "map.toml", "\n".join(lines)))
    assert mapped == {"Politik": "politics", "Sport": "sports"}
    assert load_dataset(str(file), SWAHILI, TOPICS, renamed=mapped).skipped == {}


@pytest.mark.parametrize("odd", [['a "b" \\c'], ["\x1b[31mred"], ["two\nlines"], ["\x7f\u202e"]])
def test_a_label_of_any_characters_is_written_so_that_it_can_be_read_back(tmp_path: Path, odd: list[str]) -> None:
    assert read_label_map(write(tmp_path / "map.toml", "\n".join(map_lines(odd, TOPICS)))) == {odd[0]: ""}


def test_a_label_of_the_map_that_the_data_lack_is_named() -> None:
    read = read_labels({"Siasa": 3, "Afya": 2}, TOPICS, "classification", {"siasa": "politics", "Affya": "health"})

    assert read.notes[-1] == "the label map names labels that are not there: 'Affya'"


def test_the_labels_of_the_data_stand_beside_the_plans() -> None:
    found = {"Politics": 9, "Michezo": 4, "Afya": 2, "NA": 1}
    read = read_labels(found, TOPICS, "classification", {"Michezo": "sports"})

    side_by_side = contract(found, TOPICS, read)

    assert [(line.label, line.times, line.meant) for line in side_by_side.lines] == [
        ("Politics", 9, "politics"),
        ("Michezo", 4, "sports"),
        ("Afya", 2, None),
        ("NA", 1, None),
    ]
    assert side_by_side.unknown == ("Afya",)
    assert side_by_side.missing == ("health",)


def test_texts_taken_for_labels_are_never_shown() -> None:
    found = {f"a whole sentence of many words, number {n}": 1 for n in range(40)}

    assert contract(found, TOPICS, read_labels(found, TOPICS, "classification", {}))[:2] == ((), ())


def test_a_command_without_label_maps_recommends_none(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "text,label\na,Politik\nb,Sport\n")

    with pytest.raises(DatasetError, match=r"the plan's labels: 'politics', .*$") as caught:
        load_dataset(str(file), SWAHILI, TOPICS)

    assert "--label-map" not in str(caught.value)
