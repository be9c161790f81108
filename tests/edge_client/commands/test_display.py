"""What `mfpt-edge` shows in a terminal."""

import msgspec
import pytest
from rich.console import Console, RenderableType

from mfpt_edge.commands.display import (
    device_panel,
    duration,
    facts_table,
    percent,
    result_table,
    sparkline,
    summary_table,
)
from mfpt_edge.commands.join import JoinResult
from mfpt_edge.data.summary import DatasetSummary
from mfpt_edge.session.snapshot import Snapshot

RESULT = JoinResult(
    language="swh",
    rounds=3,
    version=7,
    accuracy_alone=None,
    accuracy_before=0.25,
    accuracy_after=0.5,
    accuracy_personal=0.625,
    own_share=0.818,
    examples=35,
    test_examples=8,
    losses=(0.9, 0.4),
    held_rounds=2,
    epsilon=None,
    epsilon_limit=0.0,
    bytes_up=12_000,
    bytes_down=999,
    peak_rss_bytes=700_000_000,
    seconds=95.0,
)

SAMPLES = (("a", "[bold]text[/bold]"),)


def shown(table: RenderableType) -> list[str]:
    """Return the lines that a person sees, with single spaces."""
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return [" ".join(line.split()) for line in capture.get().splitlines() if line.strip()]


def test_a_result_says_how_good_the_personal_prompt_is_and_how_much_of_its_own_it_has() -> None:
    lines = shown(result_table(RESULT))
    assert "accuracy before 25.0 % on 8 test examples" in lines
    assert "accuracy federated 50.0 %" in lines
    assert "accuracy personal 62.5 % (own share 81.8 %)" in lines
    assert "traffic 12.0 kB up, 999 B down" in lines


@pytest.mark.parametrize(
    ("losses", "lines"),
    [
        ((), []),
        ((0.9,), ["training loss 0.900 in round 1"]),
        ((0.9, 0.4), ["training loss 0.900 in round 1, 0.400 in round 2"]),
        (
            (0.9, 0.4, 0.6, 0.5),
            [
                "training loss 0.900 in round 1, 0.400 in round 2, without the held-out examples",
                "training loss 0.600 in round 3, 0.500 in round 4, with them",
            ],
        ),
    ],
)
def test_training_losses_are_compared_with_those_on_the_same_examples(
    losses: tuple[float, ...], lines: list[str]
) -> None:
    result = msgspec.structs.replace(RESULT, losses=losses)
    assert [line for line in shown(result_table(result)) if "loss" in line] == lines


def test_what_was_not_measured_is_a_dash() -> None:
    assert "accuracy alone -" in shown(result_table(RESULT))
    assert shown(facts_table({"prompt_version": None})) == ["prompt version -"]


def test_facts_are_shown_with_as_many_digits_as_tell_something() -> None:
    assert shown(facts_table({"accuracy": 0.5975935828877005, "n": 748})) == ["accuracy 0.598", "n 748"]


def test_a_data_set_is_shown_with_what_was_skipped_and_with_samples() -> None:
    counts = {"train": {"a": 2, "b": 1}, "test": {"a": 0, "b": 4}}
    lines = shown(
        summary_table(DatasetSummary(counts, {}, {}, {"no label": 3}, {"no label": "a.csv, row 7"}, {}, SAMPLES))
    )
    assert lines[0] == "label train test"
    assert lines[-3:] == ["all 3 4", "skipped: 3 x no label, first: a.csv, row 7", "a [bold]text[/bold]"]


def test_tagged_text_is_shown_with_its_sentences_and_what_was_read_anew() -> None:
    counts = {"train": {"O": 9, "B-PER": 2}, "test": {"O": 4, "B-PER": 0}}
    summary = DatasetSummary(counts, {"train": 3, "test": 1}, {"train": 5, "test": 4}, {}, {}, {"I- read as B-": 2}, ())
    assert shown(summary_table(summary))[-4:] == [
        "all 11 4",
        "sentences 3 1",
        "words of the longest 5 4",
        "read anew: 2 x I- read as B-",
    ]


def test_what_a_device_has_given_away_is_shown_with_what_it_may_give_away() -> None:
    spent = msgspec.structs.replace(RESULT, epsilon=3.456, epsilon_limit=8.0)
    assert "privacy epsilon 3.46 of 8 spent" in shown(result_table(spent))
    assert not any("privacy" in line for line in shown(result_table(RESULT)))


def test_a_sparkline_goes_from_the_lowest_to_the_highest_value() -> None:
    assert sparkline([1.0, 3.0, 2.0]) == "▁█▅"
    assert sparkline([2.0, 2.0]) == "▁▁"


@pytest.mark.parametrize(("seconds", "text"), [(89, "89 s"), (90, "2 min"), (5400, "1.5 h")])
def test_durations_are_shown_in_units_that_people_read(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_accuracy_is_shown_in_percent() -> None:
    assert (percent(0.875), percent(None)) == ("87.5 %", "-")


@pytest.mark.parametrize("text", ["[/]", "[red]", "\x1b]0;x\x07", "\u202e", "one\ntwo"])
def test_texts_of_plans_and_files_are_no_markup_and_do_nothing_to_a_terminal(text: str) -> None:
    counts = {"train": {text: 2}}
    tables = (
        summary_table(DatasetSummary(counts, {}, {}, {text: 3}, {text: text}, {}, ((text, text),))),
        facts_table({"backbone": text}),
    )
    lines = [line for table in tables for line in shown(table)]
    assert "\x1b" not in "".join(lines)
    assert "\u202e" not in "".join(lines)
    assert not any(line == "two" for line in lines)
    if text.startswith("["):
        assert sum(line.count(text) for line in lines) == 6


def test_the_panel_says_what_the_device_waits_for_and_what_to_do() -> None:
    seen = Snapshot(waits_for="nothing is heard of [red]radio[/red] since 14:02", advice="is that the name?")
    lines = shown(device_panel(seen))
    assert any("waits Nothing is heard of [red]radio[/red] since 14:02." in line for line in lines)
    assert any("is that the name?" in line for line in lines)
    assert not any("waits" in line for line in shown(device_panel(Snapshot())))
