"""What `join` makes of the device's data under a plan, before anything is trained."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mfpt_edge.commands.asking import OwnerAtTerminal
from mfpt_edge.commands.join_config import DataSource
from mfpt_edge.commands.own_data import own_dataset
from mfpt_edge.data.columns import Columns
from mfpt_edge.data.sources import Dataset
from mfpt_shared.backbones.describe import BUNDLED_SHA256
from mfpt_shared.errors import DatasetError, UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, Task
from support.systems import names_are_bytes
from support.typing_owner import typing

TOPICS = ("politics", "sports", "health")
PLAN = Plan(task=Task(labels=TOPICS), backbone=BackboneSpec(fingerprint=f"sha256:{BUNDLED_SHA256}"))
Load = Callable[..., Dataset]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads data with the given labels in turn."""

    def loaded(
        *labels: str, text: str = "habari", label_map: str | None = None, yes: bool = False, name: str = "own.csv"
    ) -> Dataset:
        rows = "".join(f"{text} {n if text == 'habari' else ''},{labels[n % len(labels)]}\n" for n in range(30))
        (tmp_path / name).write_text(f"text,label\n{rows}", encoding="utf-8")
        if label_map is not None:
            (tmp_path / "map.toml").write_text(label_map, encoding="utf-8")
        return own_dataset(
            DataSource(str(tmp_path / name), Columns(), None, tmp_path / "map.toml" if label_map else None),
            LanguageCode("swh"),
            PLAN,
            folder=tmp_path,
            max_download=0,
            yes=yes,
            owner=OwnerAtTerminal(),
        )

    return loaded


def labels_of(dataset: Dataset) -> set[str]:
    return {TOPICS[example.label] for example in (*dataset.train, *dataset.test)}


def test_the_labels_of_the_data_are_shown_beside_the_plans(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    load("politics", "Michezo", "Afya", label_map='Michezo = "sports"\n')

    assert caplog.messages[:4] == [
        "label politics  10 x  as in the plan",
        "label Michezo   10 x  -> sports",
        "label Afya      10 x  -> none of the plan's: skipped",
        "labels of the plan that these data lack: 'health'",
    ]
    assert 'say in a file for --label-map what they mean: "Afya" = ""' in caplog.text


def test_what_is_odd_about_the_data_is_a_warning(load: Load, caplog: pytest.LogCaptureFixture) -> None:
    load("politics", "sports")

    assert "labels missing: no example of 1 of the plan's 3 labels: 'health'" in caplog.text


def test_the_owner_is_asked_what_a_label_means_and_the_same_command_asks_once(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with typing(monkeypatch, "2\nHEALTH\n") as screen:
        dataset = load("politics", "Michezo", "Afya")
        shown = screen.text("'Afya'")

    assert labels_of(dataset) == set(TOPICS)
    assert "'Michezo' (10 x), which is none of the plan's" in shown
    assert json.loads((tmp_path / "labels.json").read_bytes()) == {"Michezo": "sports", "Afya": "health"}
    with typing(monkeypatch, ""):
        assert labels_of(load("politics", "Michezo", "Afya")) == set(TOPICS)


def test_a_label_that_the_owner_leaves_out_is_skipped_and_not_asked_again(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    with typing(monkeypatch, "\n"):
        load("politics", "sports", "Afya")
    with typing(monkeypatch, ""):
        assert load("politics", "sports", "Afya").skipped == {"label left out by the label map": 10}


def test_an_answer_that_is_no_label_is_asked_again(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    with typing(monkeypatch, "9\nnonsense\n3\n"):
        assert labels_of(load("politics", "sports", "Afya")) == set(TOPICS)


def test_a_label_map_counts_before_what_was_answered(load: Load, tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_bytes(b'{"Afya": "sports"}')

    assert labels_of(load("politics", "Afya", label_map='Afya = "health"')) == {"politics", "health"}


def test_answers_for_another_plan_and_damaged_ones_are_not_used(load: Load, tmp_path: Path) -> None:
    for kept in (b'{"Afya": "no label"}', b"[["):
        (tmp_path / "labels.json").write_bytes(kept)
        assert labels_of(load("politics", "sports", "Afya")) == {"politics", "sports"}


def test_data_that_teach_nothing_are_refused_without_a_terminal_and_yes_goes_on(load: Load) -> None:
    with pytest.raises(DatasetError, match=r"teaches nothing; run join with --yes.*\n  .*'politics'"):
        load("politics")

    assert labels_of(load("politics", yes=True)) == {"politics"}
    assert labels_of(load("politics")) == {"politics"}


@names_are_bytes
def test_going_on_is_remembered_for_a_file_whose_name_is_no_text(load: Load, tmp_path: Path) -> None:
    load("politics", yes=True, name="donn\udce9es.csv")

    assert labels_of(load("politics", name="donn\udce9es.csv")) == {"politics"}


@pytest.mark.parametrize("text", ["𞤀𞤣𞤤𞤢𞤥 𞤆𞤵𞤤𞤢𞤪", "ꕙꔤ ꕞꕌꖝ", "ⵜⴰⵎⴰⵣⵉⵖⵜ ⵜⴰⵏⴰⵡⴰⵢⵜ"])
def test_texts_in_a_script_that_the_backbone_does_not_know_are_not_trained_on_without_a_word(
    load: Load, text: str
) -> None:
    with pytest.raises(DatasetError, match="the backbone does not know"):
        load(*TOPICS, text=text)


def test_on_a_terminal_the_owner_may_go_on(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    with typing(monkeypatch, "y\n") as screen:
        load("politics")
        assert "teaches nothing" in screen.text("[y/N]")


def test_a_plan_without_data_asks_for_the_owners(tmp_path: Path) -> None:
    nothing = DataSource(None, Columns(), None)

    with pytest.raises(UsageError, match="--data FILE"):
        own_dataset(
            nothing, LanguageCode("swh"), PLAN, folder=tmp_path, max_download=0, yes=True, owner=OwnerAtTerminal()
        )
