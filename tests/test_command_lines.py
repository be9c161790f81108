"""Arguments that make no sense: exit code 2, a line that names them, and nothing on the disk."""

from pathlib import Path

import pytest

from mfpt_shared import __version__
from support.programs import run


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (("mfpt_edge", "join", "--lang", "xx-nonsense"), "xx-nonsense"),
        (("mfpt_edge", "join", "--lang", "sw", "--broker", "http://localhost"), "http://localhost"),
        (("mfpt_edge", "join", "--lang", "sw", "--retry", "often"), "often"),
        (("mfpt_edge", "join", "--lang", "sw", "--data", "no/such/file.csv"), "no/such/file.csv"),
        (("mfpt_edge", "join", "--lang", "sw", "--rounds", "0"), "--rounds"),
        (("mfpt_edge", "join", "--lang", "sw", "--activation-cache", "plenty"), "--activation-cache 'plenty'"),
        (("mfpt_edge", "join", "--lang", "sw", "--memory", "2 elephants"), "--memory '2 elephants'"),
        (("mfpt_edge", "join", "--lang", "sw", "--max-load", "-1"), "--max-load"),
        (("mfpt_edge", "join", "--lang", "sw", "--on-battery", "panic"), "panic"),
        (("mfpt_edge", "join", "--lang", "sw", "--nice", "20"), "--nice"),
        (("mfpt_edge", "predict", "--lang", "sw", "--runtime", "nonsense", "text"), "nonsense"),
        (("mfpt_edge", "data", "show", "--lang", "sw", "--kind", "nonsense"), "nonsense"),
        (("mfpt_edge", "data", "show", "--data", ""), "it is empty"),
        (("mfpt_edge", "join", "--lang", "sw", "--data", ""), "it is empty"),
        (("mfpt_edge", "refresh", "--lang", "sw", "--data", " "), "it is empty"),
        (("mfpt_edge", "evaluate", "--lang", "sw", "--data", ""), "it is empty"),
        (("mfpt_edge", "data", "show", "a.csv", "--text-column", ""), "it is empty"),
        (("mfpt_edge", "predict", "--lang", "sw", "--file", ""), "it is empty"),
        (("mfpt_edge", "join"), "--lang"),
        (("mfpt_edge", "join", "--lang", ""), "unknown language tag ''"),
        (("mfpt_coord", "invite", "--lang", ""), "unknown language tag ''"),
        (("mfpt_edge", "predict", "--lang", "sw", "text"), "mfpt-edge join"),
        (("mfpt_edge", "status", "--lang", "sw"), "mfpt-edge join"),
        (("mfpt_coord", "serve", "--listen", "localhost:mqtt"), "localhost:mqtt"),
        (("mfpt_coord", "serve", "--broker", "localhost:1883"), "localhost:1883"),
        (("mfpt_coord", "serve", "--broker", "mqtt://u:secret@h:99999"), "'mqtt://***@h:99999'"),
        (("mfpt_coord", "serve", "--cert", "own.pem"), "--broker"),
        (("mfpt_coord", "serve", "--retry", "5"), "--broker"),
        (("mfpt_coord", "serve", "--keep", "never"), "or forever"),
        (("mfpt_coord", "serve", "--broker", "mqtts://h", "--ca-file", "no.pem"), "--ca-file no.pem"),
        (("mfpt_coord", "status", "--timeout", "0"), "--timeout"),
        (("mfpt_coord", "status", "--ca-file", "ca.pem"), "mqtts://"),
        (("mfpt_coord", "status", "--proxy", "ftp://proxy"), "--proxy 'ftp://proxy'"),
        (("mfpt_edge", "join", "--lang", "sw", "--broker", "wss://h", "--key", "own.key"), "--cert"),
        (("mfpt_edge", "predict", "--lang", "sw", "--proxy", "http://proxy", "text"), "--broker"),
        (("mfpt_coord", "simulate", "--languages", "sw,xx-nonsense"), "xx-nonsense"),
        (("mfpt_coord", "simulate", "--languages", "sw,zu,swh"), "named twice"),
        (("mfpt_coord", "simulate", "--languages", "sw", "--unseen", "swh"), "swh"),
        (("mfpt_coord", "simulate", "--unseen", "xx-nonsense"), "xx-nonsense"),
        (("mfpt_coord", "simulate", "--preset", "cldr", "--plan", "plan.toml"), "--preset or --plan"),
        (("mfpt_coord", "simulate", "--preset", "nonsense"), "nonsense"),
        (("mfpt_coord", "simulate", "--method", "nonsense"), "nonsense"),
        (("mfpt_coord", "simulate", "--seeds", "1,two"), "1,two"),
        (("mfpt_coord", "simulate", "--seeds", ""), "--seeds"),
        (("mfpt_coord", "simulate", "--rounds", "0"), "--rounds"),
        (("mfpt_coord", "simulate", "--dropouts", "1"), "--dropouts"),
        (("mfpt_coord", "simulate", "--plot", "figure.txt"), "figure.txt"),
        (("mfpt_coord", "plan", "init", "--federation", "A B"), "A B"),
        (("mfpt_coord", "plan", "init", "--preset", "sib200", "--kind", "pairs"), "--kind"),
        (("mfpt_coord", "plan", "init", "--kind", "nonsense"), "nonsense"),
        (("mfpt_coord", "plan", "init", "--kind", "generation"), "--backbone"),
        (("mfpt_coord", "plan", "init", "--preset", "cldr-names"), "--backbone"),
        (("mfpt_edge", "data", "show", "--lang", "sw", "--kind", "generation", "--labels", "a,b"), "--labels"),
        (("mfpt_coord", "plan", "init", "--backbone", "gguf:none.gguf"), "none.gguf"),
        (("mfpt_coord", "db", "restore", "no/such.backup"), "no/such.backup"),
        (("mfpt_coord", "nonsense"), "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_usage_error_ends_with_exit_code_2_and_names_the_mistake(
    command: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    result = run(tmp_path / "home", *command)

    assert result.returncode == 2, result.stderr
    assert named in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("program", ["mfpt_coord", "mfpt_edge"])
def test_help_shows_the_exit_codes(program: str, tmp_path: Path) -> None:
    result = run(tmp_path, program, "--help")

    assert result.returncode == 0
    assert "130 interrupted" in " ".join(result.stdout.split())


@pytest.mark.parametrize("program", ["mfpt_coord", "mfpt_edge"])
def test_the_version_is_printed_alone(program: str, tmp_path: Path) -> None:
    result = run(tmp_path / "home", program, "--version")

    assert (result.returncode, result.stdout, result.stderr) == (0, f"mfpt {__version__}\n", "")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("mfpt_coord", "serve"),
        ("mfpt_coord", "status"),
        ("mfpt_coord", "simulate"),
        ("mfpt_coord", "plan", "init"),
        ("mfpt_edge", "join"),
        ("mfpt_edge", "predict"),
        ("mfpt_edge", "export"),
        ("mfpt_edge", "cache", "clear"),
    ],
    ids=" ".join,
)
def test_help_of_a_command_shows_an_example(command: tuple[str, ...], tmp_path: Path) -> None:
    result = run(tmp_path, *command, "--help")

    assert result.returncode == 0
    assert "Example: mfpt-" in result.stdout
