"""`mfpt-coord languages`: distances, weights, figures."""

import asyncio
from pathlib import Path

import pytest

from mfpt_shared.languages import LanguageCode
from support.desk import DISTANCES, Desk
from support.programs import run, serve

SWAHILI, ZULU, YORUBA = (LanguageCode(code) for code in ("swh", "zul", "yor"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_json_holds_distances_their_mean_and_weights_that_add_up_to_one(desk: Desk) -> None:
    table = desk.table("sw", "zu", "yo", "--metrics", "genetic,script")

    assert table["languages"] == ["swh", "zul", "yor"]
    expected = [[0.0, 0.25, 0.75], [0.25, 0.0, 0.75], [0.75, 0.75, 0.0]]
    assert table["distances"] == {"genetic": expected, "script": expected}
    assert table["mean"] == expected
    assert [sum(row) for row in table["weights"]] == pytest.approx([1, 1, 1], abs=1e-5)
    assert table["weights"][0][0] > table["weights"][0][1] > table["weights"][0][2]


def test_by_default_the_metrics_of_the_plan_are_shown(desk: Desk) -> None:
    assert list(desk.table("sw", "zu")["distances"]) == ["genetic", "geographic", "syntactic"]


def test_all_metrics_can_be_shown(desk: Desk) -> None:
    table = desk.table("sw", "am", "zu", "--metrics", "all")

    assert len(table["distances"]) == 8
    assert table["distances"]["phonological"][0] == [0.0, None, 0.25]
    assert table["mean"][0] == [0.0, 0.75, 0.25]


def test_the_terminal_shows_every_value_also_without_colour(desk: Desk) -> None:
    result = desk.run("sw", "zu", "yo", "--distances", desk.file(DISTANCES))

    assert result.returncode == 0
    assert "custom" in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith("zul")]
    assert rows[0].split()[:4] == ["zul", "0.20", "0.00", "0.80"]
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize("columns", [120, 60])
def test_sixteen_languages_fit_into_the_terminal(columns: int, desk: Desk) -> None:
    west, east = ("yor", "hau", "ibo", "fra", "por", "eng"), ("swh", "amh", "kin", "lug", "som", "tir", "arb")
    tags = [*west, *east, "zul", "xho", "sna"]
    text = "first,second,distance\n" + "".join(
        f"{one},{other},0.5\n" for place, one in enumerate(tags) for other in tags[:place]
    )

    result = desk.run(*tags, "--distances", desk.file(text), extra={"COLUMNS": str(columns)})

    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert sum(line.count("0.50") for line in lines) == 16 * 15
    heads = [line.split() for line in lines if line.split() and set(line.split()) <= set(tags)]
    assert sorted(tag for head in heads for tag in head) == sorted(tags * 2), "above distances, and above weights"


def test_a_language_alone_gives_itself_all_the_weight(desk: Desk) -> None:
    table = desk.table("sw")

    assert table["weights"] == [[1.0]]
    assert table["mean"] == [[0.0]]
    assert desk.asked == []


def test_a_language_named_twice_counts_once(desk: Desk) -> None:
    assert desk.table("sw", "swh", "sw-KE")["languages"] == ["swh"]


def test_the_temperature_sharpens_fixed_weights(desk: Desk) -> None:
    common = ("sw", "zu", "--distances", desk.file(DISTANCES), "--proximity", "fixed")
    sharp, mild = (desk.table(*common, "--temperature", value)["weights"] for value in ("0.1", "1"))

    assert sharp[0] == pytest.approx([0.8808, 0.1192], abs=1e-4)
    assert mild[0] == pytest.approx([0.5498, 0.4502], abs=1e-4)


def test_the_more_examples_the_sharper_automatic_weights(desk: Desk) -> None:
    common = ("sw", "zu", "yo", "--distances", desk.file(DISTANCES))
    few, many = (desk.table(*common, "--examples", count)["weights"] for count in ("10", "1000"))

    assert many[0][0] > few[0][0] > 1 / 3


def test_uniform_weights_are_all_the_same(desk: Desk) -> None:
    table = desk.table("sw", "yo", "--distances", desk.file(DISTANCES), "--proximity", "uniform")

    assert table["weights"] == [[0.5, 0.5], [0.5, 0.5]]


def test_with_a_file_of_all_distances_uriel_is_not_asked(desk: Desk) -> None:
    table = desk.table("sw", "zu", "yo", "--distances", desk.file(DISTANCES))

    assert table["distances"] == {"custom": [[0.0, 0.2, 0.8], [0.2, 0.0, 0.8], [0.8, 0.8, 0.0]]}
    assert desk.asked == []


def test_a_file_counts_where_it_has_a_distance_and_uriel_elsewhere(desk: Desk) -> None:
    table = desk.table("sw", "zu", "yo", "--distances", desk.file("first,second,distance\nsw,zu,0.9\n"))

    assert table["distances"]["custom"] == [[0.0, 0.9, None], [0.9, 0.0, None], [None, None, 0.0]]
    assert table["mean"] == [[0.0, 0.9, 0.75], [0.9, 0.0, 0.75], [0.75, 0.75, 0.0]]


def test_a_figure_is_drawn_beside_the_table(desk: Desk) -> None:
    file = desk.folder / "out.html"
    result = desk.run("sw", "zu", "--distances", desk.file(DISTANCES), "--plot", str(file))

    assert result.returncode == 0, result.stderr
    assert "weight" in result.stdout
    assert file.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("sw", "xx-nonsense"), "xx-nonsense"),
        (("sw", "und"), "und"),
        ((), "LANGUAGE"),
        (("sw", "--metrics", "genetic,beauty"), "beauty"),
        (("sw", "--proximity", "observed"), "observed"),
        (("sw", "--temperature", "0"), "--temperature"),
        (("sw", "--examples", "0"), "--examples"),
        (("sw", "--plot", "out.pdf"), "out.pdf"),
    ],
)
def test_a_usage_error_ends_with_exit_code_2_and_asks_nobody(
    arguments: tuple[str, ...], named: str, desk: Desk
) -> None:
    result = desk.run(*arguments)

    assert (result.returncode, result.stdout) == (2, "")
    assert named in result.stderr
    assert not desk.cache.exists()


def test_help_shows_an_example(desk: Desk) -> None:
    assert "Example: mfpt-coord languages" in desk.run("--help").stdout


def test_serving_distances_with_a_mistake_ends_with_exit_code_7_before_anything_is_made(desk: Desk) -> None:
    data = desk.folder / "data"
    command = ("serve", "--distances", desk.file(",swh\nzul,7\n"), "--data-dir", str(data))
    result = run(desk.folder, "mfpt_coord", *command)

    assert result.returncode == 7
    assert "line 2, column 2" in result.stderr
    assert not data.exists()


def test_serving_distances_that_the_plan_makes_no_use_of_says_so(desk: Desk) -> None:
    plan = desk.folder / "plan.toml"
    plan.write_text('[task]\nlabels = ["a", "b"]\n[aggregation]\nproximity = "uniform"\n', encoding="utf-8")

    async def log() -> list[str]:
        options = ("--plan", str(plan), "--distances", desk.file(DISTANCES))
        async with serve(desk.folder, desk.folder / "data", *options) as serving:
            return serving.log

    assert [line for line in asyncio.run(log()) if "--distances" in line and "uniform" in line]
