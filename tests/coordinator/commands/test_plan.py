"""`mfpt-coord plan`: write, show and check plans."""

import json
import tomllib
from pathlib import Path

import pytest

from mfpt_coord.commands.plan import validate
from mfpt_coord.presets import read_plan
from mfpt_shared.errors import UsageError
from mfpt_shared.plan import labels_from
from mfpt_shared.plan_files import plan_from_toml
from support.programs import run


def plan(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    result = run(tmp_path, "mfpt_coord", "plan", *arguments)
    return result.returncode, result.stdout, result.stderr


def test_init_writes_a_plan_that_validate_takes(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"

    assert plan(tmp_path, "init", "--preset", "sib200", "--out", str(file))[0] == 0
    code, out, _ = plan(tmp_path, "validate", str(file))

    assert code == 0
    assert "7 labels" in out


def test_init_without_a_file_prints_a_plan_and_nothing_else(tmp_path: Path) -> None:
    code, out, errors = plan(tmp_path, "init", "--labels", "sports, politics", "--federation", "radio")

    assert (code, errors) == (0, "")
    written = plan_from_toml(out, "stdout")
    assert written.task.labels == ("sports", "politics")
    assert written.federation == "radio"
    assert written.backbone.fingerprint.startswith("sha256:")


def test_init_writes_a_plan_for_labels_of_words(tmp_path: Path) -> None:
    _, out, _ = plan(tmp_path, "init", "--kind", "tagging", "--labels", "O,B-PER,I-PER")

    task = plan_from_toml(out, "stdout").task
    assert (task.kind, task.labels, task.metric) == ("tagging", ("O", "B-PER", "I-PER"), "f1")


def test_init_explains_every_key(tmp_path: Path) -> None:
    _, out, _ = plan(tmp_path, "init")

    keys = [line for line in out.splitlines() if " = " in line]
    assert keys
    assert [line for line in keys if "  # " not in line] == []


def test_init_does_not_overwrite_a_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("precious", encoding="utf-8")

    code, _, errors = plan(tmp_path, "init", "--out", str(file))

    assert code == 2
    assert str(file) in errors
    assert file.read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--preset", "nonsense"), "nonsense"),
        (("--backbone", "nonsense"), "nonsense"),
        (("--preset", "cldr", "--labels", "a,b"), "--labels"),
    ],
)
def test_init_refuses_arguments_that_make_no_sense_with_exit_code_2(
    arguments: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    code, out, errors = plan(tmp_path, "init", *arguments)

    assert (code, out) == (2, "")
    assert named in errors


def test_a_single_label_ends_with_exit_code_7(tmp_path: Path) -> None:
    code, _, errors = plan(tmp_path, "init", "--labels", "alone")

    assert code == 7
    assert "labels" in errors


def test_show_fills_in_the_defaults_and_is_a_plan_again(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('[task]\nlabels = ["a", "b"]\n', encoding="utf-8")

    code, out, _ = plan(tmp_path, "show", str(file))

    assert code == 0
    assert tomllib.loads(out)["training"]["batch_size"] == 16
    assert plan_from_toml(out, "shown") == plan_from_toml(file.read_text(encoding="utf-8"), "given")


def test_a_byte_order_mark_before_a_plan_is_no_part_of_it(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('[task]\nlabels = ["a", "b"]\n', encoding="utf-8-sig")

    assert read_plan(file).task.labels == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "said"),
    [("a,,b", "label 2 is empty"), ("a,b,", "label 3 is empty"), (" ", "label 1 is empty"), ("a, b,a", "'a' twice")],
)
def test_labels_on_the_command_line_are_neither_empty_nor_named_twice(labels: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"--labels {labels!r}.*{said}"):
        labels_from(labels)


def test_no_labels_at_all_are_not_those_of_another_task(tmp_path: Path) -> None:
    code, out, errors = plan(tmp_path, "init", "--labels", "")

    assert (code, out) == (2, "")
    assert "label 1 is empty" in errors


def test_show_as_json_is_one_object_with_the_same_values(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('[task]\nlabels = ["a", "b"]\n', encoding="utf-8")

    code, out, _ = plan(tmp_path, "show", str(file), "--json")

    assert code == 0
    assert json.loads(out)["task"]["labels"] == ["a", "b"]
    assert json.loads(out)["training"]["batch_size"] == 16


def test_validate_as_json_says_what_the_plan_tunes(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('[task]\nlabels = ["a", "b"]\n[prompt]\ntokens = 4\n', encoding="utf-8")

    code, out, _ = plan(tmp_path, "validate", str(file), "--json")

    facts = json.loads(out)
    assert code == 0
    assert facts["labels"] == 2
    assert facts["values"] == (4 + 2) * 384 + 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[task]\nlabels = ["a", "b"]\n[training]\nbatch_sise = 4\n', "batch_sise"),
        ('[task]\nlabels = ["a", "b"]\n[training]\nbatch_size = 0\n', "batch_size"),
        ('[task]\nlabels = ["a", "a"]\n', "task.labels"),
        ("[task\n", "TOML"),
        ("", "task"),
    ],
    ids=["misspelt key", "impossible value", "label twice", "no TOML", "empty"],
)
def test_a_plan_with_a_mistake_ends_with_exit_code_7_and_names_it(text: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text, encoding="utf-8")

    code, out, errors = plan(tmp_path, "validate", str(file))

    assert (code, out) == (7, "")
    assert named in errors
    assert str(file) in errors
    assert len(errors.strip().splitlines()) <= 2


def test_serving_a_plan_with_a_misspelt_key_ends_with_exit_code_7_before_anything_is_made(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('[task]\nlabels = ["a", "b"]\n[training]\nbatch_sise = 4\n', encoding="utf-8")
    data = tmp_path / "data"

    result = run(tmp_path, "mfpt_coord", "serve", "--plan", str(file), "--data-dir", str(data))

    assert result.returncode == 7
    assert "batch_sise" in result.stderr
    assert not data.exists()


def test_a_plan_that_is_not_there_ends_with_exit_code_7_and_names_it(tmp_path: Path) -> None:
    code, _, errors = plan(tmp_path, "show", str(tmp_path / "missing.toml"))

    assert code == 7
    assert "missing.toml" in errors


NOISE = """
[task]
labels = ["a", "b"]

[privacy]
clip_norm = 1.0
noise = "local"
noise_multiplier = 4.0
epsilon = 3.5
"""


def test_validate_says_what_devices_spend_under_a_plan_with_noise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(NOISE, encoding="utf-8")

    validate(file)  # in this process: the accountant takes seconds to import

    updates, spent, enough = capsys.readouterr().out.splitlines()[-3:]
    after = dict(zip(updates.split()[2:], map(float, spent.split()[1:]), strict=True))
    assert after["1"] < after["2"] <= 3.5 < after["5"]
    assert enough == "privacy.epsilon 3.5 is enough for 2 updates of each device"


def test_validate_warns_of_a_plan_that_serve_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.toml"
    file.write_text('[task]\nlabels = ["a", "b"]\n[training]\nhead_start = "ridge"\n', encoding="utf-8")

    validate(file)

    assert "serve refuses it" in capsys.readouterr().err
