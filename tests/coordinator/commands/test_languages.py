"""`mfpt-coord languages`, and what it keeps of the answers of URIEL+.

Where URIEL+ is asked, a package of its name stands before the real one, which takes seconds to start.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mfpt_coord.commands.app import app
from mfpt_coord.core.relations import CUSTOM, Distances, pair
from mfpt_coord.languages.distances import with_custom
from mfpt_shared.languages import UNDETERMINED, LanguageCode
from support.programs import run, serve

SWAHILI, ZULU, YORUBA = (LanguageCode(code) for code in ("swh", "zul", "yor"))
DISTANCES = "first,second,distance\nswh,zul,0.2\nswh,yor,0.8\nzul,yor,0.8\n"

# It knows four languages; Swahili and Amharic share no phonological feature. It notes what it was asked.
URIEL = """
import os
class URIELPlus:
    langs = [["swh", "zul", "yor", "amh"]]
    def map_new_distance_to_loaded_features(self, metric):
        return 0
    def new_distance(self, metric, languages):
        with open(os.environ["ASKED"], "a") as asked:
            asked.write(f"{metric} {' '.join(languages)}\\n")
        if metric == "phonological" and languages == ["amh", "swh"]:
            raise ValueError("No shared phonological features")
        return 0.25 if languages == ["swh", "zul"] else 0.75
"""


class Desk:
    """A folder to run commands in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.uriel(URIEL)

    def uriel(self, source: str) -> None:
        """Set what is found in place of URIEL+."""
        package = self.folder / "path" / "urielplus"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "urielplus.py").write_text(source, encoding="utf-8")

    @property
    def asked(self) -> list[str]:
        """What URIEL+ was asked so far."""
        file = self.folder / "asked"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    @property
    def _variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder / "path"), os.environ.get("PYTHONPATH", "")])
        return {"PYTHONPATH": path, "MFPT_CACHE": str(self.cache), "ASKED": str(self.folder / "asked")}

    def run(self, *arguments: str, extra: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return run(self.folder / "home", "mfpt_coord", "languages", *arguments, extra=self._variables | (extra or {}))

    def table(self, *arguments: str) -> dict[str, Any]:
        """Return what the command prints as JSON; run in this process, which is faster."""
        result = CliRunner().invoke(app, ["languages", *arguments, "--json"], env=self._variables)
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert isinstance(found, dict)
        return found

    def file(self, text: str) -> str:
        path = self.folder / "distances.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)


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


def test_what_was_asked_once_is_not_asked_again(desk: Desk) -> None:
    first = desk.table("sw", "am", "--metrics", "phonological,genetic")["distances"]["phonological"]
    second = desk.table("am", "sw", "zu", "--metrics", "phonological,genetic")["distances"]["phonological"]

    assert desk.asked == [
        *("genetic amh swh", "phonological amh swh"),
        *("genetic amh zul", "phonological amh zul", "genetic swh zul", "phonological swh zul"),
    ], "also not again what is not known"
    assert first == [[0.0, None], [None, 0.0]]
    assert second == [[0.0, None, 0.75], [None, 0.0, 0.25], [0.75, 0.25, 0.0]]


def test_the_first_time_takes_long_and_says_why(desk: Desk) -> None:
    assert "asking URIEL+" in desk.run("sw", "zu").stderr


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"source": "urielplus 0.1", "distances": {}}'])
def test_a_cache_that_cannot_be_used_is_written_anew(content: bytes, desk: Desk) -> None:
    desk.cache.mkdir()
    (desk.cache / "distances.json").write_bytes(content)

    before = desk.table("sw", "zu", "--metrics", "genetic")
    desk.uriel("raise RuntimeError")

    assert before["mean"] == [[0.0, 0.25], [0.25, 0.0]]
    assert desk.table("sw", "zu", "--metrics", "genetic") == before
    assert [file.name for file in desk.cache.iterdir()] == ["distances.json"]


def test_where_uriel_fails_the_reason_is_said_and_nothing_is_kept(desk: Desk) -> None:
    desk.uriel("raise RuntimeError('no memory')")
    result = desk.run("sw", "zu", "--metrics", "genetic", "--json")

    assert result.returncode == 0
    assert "no memory" in result.stderr
    assert json.loads(result.stdout)["distances"]["genetic"] == [[0.0, None], [None, 0.0]]
    assert json.loads(result.stdout)["mean"] == [[0.0, 0.5], [0.5, 0.0]]
    desk.uriel(URIEL)
    assert desk.table("sw", "zu", "--metrics", "genetic")["mean"] == [[0.0, 0.25], [0.25, 0.0]]


def test_a_cache_folder_that_cannot_be_written_to_costs_a_warning(desk: Desk) -> None:
    desk.cache.write_text("a file", encoding="utf-8")
    result = desk.run("sw", "zu", "--metrics", "genetic", "--json")

    assert result.returncode == 0
    assert str(desk.cache) in result.stderr
    assert json.loads(result.stdout)["mean"] == [[0.0, 0.25], [0.25, 0.0]]


def test_a_coordinator_looks_up_only_what_the_operators_file_lacks() -> None:
    asked = []

    async def ask(languages: Iterable[LanguageCode], metrics: Sequence[str]) -> Distances:
        asked.append((sorted(languages), metrics))
        return {pair(SWAHILI, ZULU): {"syntactic": 0.3}, pair(ZULU, YORUBA): {"syntactic": 0.6}}

    look_up = with_custom(ask, {pair(SWAHILI, ZULU): {CUSTOM: 0.1}, pair(SWAHILI, YORUBA): {CUSTOM: 0.2}})
    found = asyncio.run(look_up([SWAHILI, ZULU, YORUBA, UNDETERMINED], ("syntactic",)))
    enough = asyncio.run(look_up([SWAHILI, ZULU], ("syntactic",)))

    assert asked == [(["yor", "zul"], ("syntactic",))]
    assert found == {
        pair(SWAHILI, ZULU): {"syntactic": 0.3, CUSTOM: 0.1},
        pair(ZULU, YORUBA): {"syntactic": 0.6},
        pair(SWAHILI, YORUBA): {CUSTOM: 0.2},
    }
    assert enough == {pair(SWAHILI, ZULU): {CUSTOM: 0.1}}


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
