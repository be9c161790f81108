"""The study of rivals, without Flower: what its parts do, and what its table says."""

import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psutil
import pytest

from mfpt_coord.presets import preset_plan
from mfpt_coord.simulate.experiment import Experiment
from mfpt_edge.data.sources import load_dataset
from mfpt_shared.errors import UsageError
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Task
from reproduction.rivals_job import Holding, holdings, job_for, write_data
from reproduction.rivals_kept import KeptRows
from reproduction.rivals_rows import COLUMNS, Row, lines
from rivals import flower, linear_probe
from rivals.encoding import CUT_OFF, encode, tokenizer_of
from rivals.federating import averaged, federate
from rivals.job import Adapter, Device, Item, Job, Rates
from rivals.process_trees import resident_mb, stop_tree
from rivals.training import share_right
from support.backbones import tiny_spec
from support.scripts import Reproduce, toy_study_plan

SWAHILI = LanguageCode("swh")


def words(text: str, *labels: int) -> Item:
    return Item(tuple(text.split()), labels)


@pytest.fixture
def job(tiny_folder: Callable[[str], Path]) -> Job:
    texts = (("good food", 0), ("bad food", 1), ("great food", 0), ("awful food", 1), ("fine food", 0), ("poor b", 1))
    items = tuple(Item((text,), (label,)) for text, label in texts)
    devices = (Device("swh", items, items[:2]), Device("zul", items, items[:2]))
    return Job(
        kind="classification", labels=2, prefix="query: ", max_tokens=16, batch=4, rounds=1, epochs=2,
        compute="float32", checkpoint=str(tiny_folder("Bert")), seed=0, devices=devices,
    )  # fmt: skip


def test_a_job_is_read_as_it_was_written(job: Job, tmp_path: Path) -> None:
    job.write(tmp_path / "job.json")

    assert Job.read(tmp_path / "job.json") == job


def test_learning_rates_are_chosen_without_test_examples(job: Job) -> None:
    (device, _), (chosen, _) = job.devices, job.to_choose_with().devices

    assert sorted(map(str, chosen.train + chosen.test)) == sorted(map(str, device.train))
    assert len(chosen.test) == 2


def test_a_word_is_labelled_at_its_first_token(job: Job) -> None:
    tagging = replace(job, kind="tagging")

    (found,) = encode(tagging, tokenizer_of(tagging), [words("good a:b bad", 0, 1, 0)])

    # <s> query : good a : b bad </s>
    assert found.places == [3, 4, 7]
    assert found.labels == [0, 1, 0]


def test_a_word_that_was_cut_off_counts_as_wrong(job: Job) -> None:
    tagging, item = replace(job, kind="tagging", max_tokens=5), words("good bad", 0, 1)

    (found,) = encode(tagging, tokenizer_of(tagging), [item])

    assert found.labels == [0, CUT_OFF]
    assert share_right([item], [[0, CUT_OFF]]) == 0.5


def test_devices_are_averaged_by_their_examples() -> None:
    made = [{"a": np.array([1.0], np.float32)}, {"a": np.array([4.0], np.float32)}]

    assert averaged(made, [[None] * 2, [None]])["a"] == [2.0]  # type: ignore[list-item]  # only their number counts


@pytest.mark.slow
@pytest.mark.parametrize(("adapter", "part"), [("prompt", "prompt_encoder"), ("lora", "lora_B")])
def test_a_device_sends_adapter_and_head_and_nothing_else(job: Job, adapter: Adapter, part: str) -> None:
    _, made = federate(job, adapter, Rates(0.01, 0.01))

    assert {name for name in made if part in name}
    assert {name for name in made if not ("prompt_encoder" in name or "lora_" in name)} == {"head.weight", "head.bias"}
    assert all(values.any() for values in made.values())


def test_what_the_app_is_told_is_what_it_asks_for(tmp_path: Path) -> None:
    rival = flower.Rival(tmp_path, "prompt", Rates(0.1, 0.1), tmp_path, devices=2, limit=1.0)
    project: dict[str, Any] = tomllib.loads((flower.APP / "pyproject.toml").read_text(encoding="utf-8"))
    app = project["tool"]["flwr"]["app"]

    assert list(app["config"]) == list(flower.settings(rival, tmp_path))
    for component in app["components"].values():
        module, _, name = component.partition(":")
        assert f"\n{name} = " in (flower.APP / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["classification", "tagging"])
def test_a_device_of_mfpt_reads_the_same_sentences(kind: Any, tmp_path: Path) -> None:
    task = Task(labels=("NOUN", "VERB"), kind=kind)
    source = tmp_path / "swh.jsonl"
    many = [{"text": f"sentence {row}", "label": task.labels[row % 2]} for row in range(40)]
    tagged = [{"tokens": ["word", str(row)], "tags": ["NOUN", "VERB"]} for row in range(40)]
    rows = tagged if kind == "tagging" else many
    source.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    first = load_dataset(str(source), SWAHILI, task.labels, kind=kind)
    held = Holding(SWAHILI, tuple(first.train[:12]), tuple(first.test))

    second = load_dataset(str(write_data(task, held, tmp_path / "again")), SWAHILI, task.labels, kind=kind)

    assert second.train == first.train[:12]
    assert second.test == first.test


def test_rivals_read_no_validation_file_either(tmp_path: Path, tiny_folder: Callable[[str], Path]) -> None:
    (folder := tmp_path / "data" / "swh").mkdir(parents=True)
    for split, count in (("train", 60), ("dev", 90)):
        rows = [{"text": f"{split} {row}", "label": "ab"[row % 2]} for row in range(count)]
        (folder / f"{split}.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    plan = toy_study_plan(tiny_spec(tiny_folder("Bert")))
    plan = msgspec.structs.replace(plan, task=Task(labels=("a", "b")))
    one = Experiment(plan=plan, method="mfpt", languages=(SWAHILI,), examples=40)

    (held,) = holdings(one, str(tmp_path / "data"))

    assert len(held.train) == 40
    assert held.test
    assert not [example.text for example in (*held.train, *held.test) if example.text.startswith("dev")]


def test_a_task_that_is_judged_by_f1_is_refused(tmp_path: Path) -> None:
    one = Experiment(plan=preset_plan("masakhaner"), method="mfpt", languages=(SWAHILI,), examples=12)

    with pytest.raises(UsageError, match="judged by F1"):
        job_for(one, (), tmp_path)


def test_the_table_says_where_a_rival_is_better() -> None:
    ours = Row("mfpt, processes", "sib200", 0, 0.6, {"swh": 0.6}, seconds=30, peak_mb=700, bytes_up=11_000)
    probe = Row("linear probe, alone", "sib200", 0, 0.5, {"swh": 0.5}, seconds=10, peak_mb=900, bytes_up=0)

    (first, _) = [dict(zip(COLUMNS, line, strict=True)) for line in lines([probe, ours])]

    assert first["against mfpt"] == "-10.0; better: seconds, bytes up"


def test_the_table_says_why_a_rival_was_not_run() -> None:
    (line,) = lines([Row("Flower", "sib200", 0, not_run="pip found nothing")])

    assert line[2] == "not run: pip found nothing"
    assert len(line) == len(COLUMNS)


def test_a_row_that_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    row = Row("mfpt, processes", "sib200", 0, 0.6, {"swh": 0.6})
    KeptRows(tmp_path, "a").write(["job"], row)

    assert KeptRows(tmp_path, "a").read(["job"], row.system) == row
    assert KeptRows(tmp_path, "b").read(["job"], row.system) is None
    assert KeptRows(tmp_path, "a").read(["another"], row.system) is None


def test_a_stopped_process_leaves_no_child_behind(tmp_path: Path) -> None:
    there = tmp_path / "pid"
    child = "import subprocess, sys, time; time.sleep(60)"
    code = f"import pathlib, subprocess, sys, time\np = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
    code += f"pathlib.Path({str(there)!r}).write_text(f'{{p.pid}} ')\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not (there.exists() and there.read_text(encoding="utf-8").endswith(" ")):
            time.sleep(0.01)  # another process's file has no event
        below = psutil.Process(int(there.read_text(encoding="utf-8")))
        assert resident_mb(process.pid) > resident_mb(below.pid) > 0

        stop_tree(process.pid)

    assert not below.is_running() or below.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_rivals_go_on_without_flower_where_pip_cannot_install_it(
    reproduce: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(tmp_path)), ("PIP_CONFIG_FILE", "/dev/null")):
        monkeypatch.setenv(variable, value)

    done = reproduce("rivals", "--seeds", 0, "--examples", 12, "--rivals-env", "environment", "--quick", "--json")

    assert done.code == 0, done.err
    assert "downloading flwr" in done.err
    rows = {row["system"]: row for row in done.answer["rows"]}
    without = {system for system, row in rows.items() if "not_run" in row}
    assert without == {system for system in rows if system.startswith("Flower")}
    assert len(without) == 4
    assert all(0 <= row["accuracy"] <= 1 for system, row in rows.items() if system not in without)
    assert set(rows["mfpt, processes"]["per_language"]) == {"swh", "zul"}


# ---- the linear probe


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [0, 0, 0, 0, 0, 1], [0] * 10 + [1] * 3 + [2]])
def test_a_probe_is_fitted_to_however_few_examples_of_a_label(labels: list[int]) -> None:
    """Parts in which one label is left would have no score, and with them no penalty would have one."""
    rows = np.array(labels, np.int64)
    values = np.eye(3, 8, dtype=np.float32)[rows]
    probe = linear_probe.fit_probe(linear_probe.Features(values, rows, np.arange(len(rows))))
    assert np.isfinite(getattr(probe, "cv_results_", {"mean_test_score": 0})["mean_test_score"]).all()
    assert set(probe.predict(values)) <= set(labels)
