"""The whole product on Windows, under Wine: torch, its own broker, pipes, Ctrl-C, and a coordinator that is killed."""

import json

import pytest

from support.windows import Windows, until
from support.windows_federation import DATA, Federation

pytestmark = [pytest.mark.slow, pytest.mark.network]

SENTENCES = "text,label\nBei ya mafuta ŋ imepanda,politics\nMpira umeanza,sports\n"
TEXTS = {"yo": "Orílẹ̀-èdè Faransé", "am": "ፈረንሳይ"}


@pytest.mark.parametrize("program", ["mfpt_edge", "mfpt_coord"])
def test_help_is_printed(windows: Windows, program: str) -> None:
    ended = windows.run(program, "--help")

    assert ended.code == 0, ended.err
    assert "Usage" in ended.out


def test_a_file_of_sentences_is_shown(windows: Windows) -> None:
    (windows.home / "sentences.csv").write_text(SENTENCES, encoding="utf-8")

    ended = windows.run("mfpt_edge", "data", "show", "sentences.csv", "--lang", "sw")

    assert ended.code == 0, ended.err
    assert "politics" in ended.out


def test_two_devices_make_a_round_with_a_coordinator_and_its_broker(taken_part: Federation) -> None:
    assert {language: result["rounds"] for language, result in taken_part.results.items()} == {"yo": 1, "am": 1}
    assert all(result["version"] >= 1 for result in taken_part.results.values())


@pytest.mark.parametrize("language", TEXTS)
def test_texts_of_any_script_are_read_from_a_pipe_and_written_to_one(taken_part: Federation, language: str) -> None:
    command = ("mfpt_edge", "predict", "--lang", language)
    line = taken_part.windows.run(*command, "-", told=f"{TEXTS[language]}\n")
    facts = taken_part.windows.run(*command, "--json", TEXTS[language])

    assert line.code == 0, line.err
    assert line.out.rstrip().endswith(TEXTS[language])
    assert json.loads(facts.out)["predictions"][0]["text"] == TEXTS[language]


def test_a_device_that_is_interrupted_leaves_in_order_and_goes_on_later(taken_part: Federation) -> None:
    device = taken_part.joining("sw")
    device.line_with("connected to")
    device.interrupt()
    ended = device.end()

    assert ended.code == 130, ended.err
    assert "the same command continues from here" in ended.err


def test_a_coordinator_that_is_killed_takes_its_broker_along_and_starts_again_on_the_same_data(
    taken_part: Federation,
) -> None:
    assert taken_part.broker_runs
    taken_part.coordinator.kill()
    assert until(lambda: not taken_part.broker_runs), "the broker has outlived its coordinator"

    taken_part.restart()
    status = taken_part.windows.run("mfpt_coord", "status", "--broker", taken_part.broker, "--json")

    assert json.loads(status.out)["version"] >= 1, status.err


def test_a_second_coordinator_on_the_same_data_is_refused(taken_part: Federation) -> None:
    ended = taken_part.windows.run("mfpt_coord", "serve", "--data-dir", DATA, "--listen", "127.0.0.1:0")

    assert ended.code == 6, ended.err
    assert "in use" in ended.err or "another process" in ended.err
