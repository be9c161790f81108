"""Many devices' trainers around one backbone, as the simulator asks for them."""

import hashlib
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pytest

from mfpt_edge.tuning.laboratory import BackboneLaboratory
from mfpt_shared.backbones.describe import describe
from mfpt_shared.device.trainer import ColumnNames, Share, Trainer
from mfpt_shared.errors import DatasetError, Incompatible
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import BackboneSpec, Plan, PromptSpec, Task
from mfpt_shared.tensors import PromptState, initial_state

SWAHILI, ZULU, YORUBA = LanguageCode("swh"), LanguageCode("zul"), LanguageCode("yor")
LABELS: Final = ("praise", "complaint")
PRAISE, COMPLAINT = ("good", "fine", "great"), ("bad", "poor", "awful")
TEXTS: Final = tuple(f"the food was {word} {end}" for word in (*PRAISE, *COMPLAINT) for end in ("a", "b", "c", "d"))


def write_language(folder: Path, *, keyed: bool, texts: tuple[str, ...] = TEXTS) -> None:
    """Write train, dev and test files; `keyed` gives every sentence the number that its translations share."""
    folder.mkdir(parents=True)
    rows = [(number, text, LABELS[any(word in text for word in COMPLAINT)]) for number, text in enumerate(texts)]
    for name, start, step in (("train", 0, 2), ("dev", 1, 4), ("test", 3, 4)):
        header = "index_id\ttext\tcategory\n" if keyed else "text\tcategory\n"
        lines = ["\t".join(map(str, row if keyed else row[1:])) + "\n" for row in rows[start::step]]
        (folder / f"{name}.tsv").write_text(header + "".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def spec(tiny_folder: Callable[[str], Path]) -> Plan:
    """A plan for the tiny backbone."""
    uri = f"path:{tiny_folder('Bert')}"
    backbone = BackboneSpec(uri=uri, quantisation="none", **describe(uri)._asdict())
    return Plan(task=Task(labels=LABELS), backbone=backbone, prompt=PromptSpec(tokens=4))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two languages that hold translations of one another."""
    folder = tmp_path_factory.mktemp("data")
    write_language(folder / "swh_Latn", keyed=True)
    write_language(folder / "zul_Latn", keyed=True, texts=tuple(text.replace("food", "a") for text in TEXTS))
    write_language(folder / "yor_Latn", keyed=False)
    return folder


def open_laboratory(spec: Plan, data: Path | str, cache: Path | None = None) -> BackboneLaboratory:
    return BackboneLaboratory(spec, str(data), cache=cache, device="cpu", threads=None)


@pytest.fixture(scope="module")
def laboratory(spec: Plan, data: Path) -> BackboneLaboratory:
    return open_laboratory(spec, data)


def tuned(trainer: Trainer, start: PromptState) -> PromptState:
    return trainer.tune(start, epochs=1, seed=0, on_progress=lambda *_: None).state


# ---- what there is to share out


def test_content_tells_labels_and_numbers_but_no_text(laboratory: BackboneLaboratory) -> None:
    content = laboratory.content(SWAHILI)
    assert content.keys == [str(number) for number in range(0, len(TEXTS), 2)]
    assert content.labels == [0] * 6 + [1] * 6


def test_translations_have_the_same_key(laboratory: BackboneLaboratory) -> None:
    assert laboratory.content(SWAHILI).keys == laboratory.content(ZULU).keys


def test_without_numbers_different_sentences_have_different_keys(laboratory: BackboneLaboratory) -> None:
    keys = laboratory.content(YORUBA).keys
    assert len(set(keys)) == len(keys) == 12


def test_the_embedded_names_are_known_by_what_they_name(spec: Plan) -> None:
    labels = ("language", "country", "currency", "unit", "city")
    laboratory = open_laboratory(msgspec.structs.replace(spec, task=Task(labels=labels)), "cldr")
    swahili, zulu = laboratory.content(SWAHILI), laboratory.content(ZULU)
    assert {"country/FR", "country/KE"} & set(swahili.keys)
    assert len(set(swahili.keys) & set(zulu.keys)) > 100


def test_columns_can_be_named(spec: Plan, tmp_path: Path) -> None:
    rows = "".join(f"{text}\t{LABELS[at % 2]}\n" for at, text in enumerate(TEXTS))
    (tmp_path / "swh.tsv").write_text(f"post\tfeeling\n{rows}", encoding="utf-8")
    columns = ColumnNames(text="post", label="feeling")
    laboratory = BackboneLaboratory(spec, str(tmp_path), columns=columns, cache=None, device="cpu", threads=None)
    assert set(laboratory.content(SWAHILI).keys) <= set(TEXTS)


def test_a_language_without_usable_rows_is_an_error(spec: Plan, data: Path) -> None:
    other = msgspec.structs.replace(spec, task=Task(labels=("x", "y")))
    with pytest.raises(DatasetError, match="swh_Latn"):
        open_laboratory(other, data).content(SWAHILI)


# ---- trainers


def test_a_trainer_holds_the_rows_of_its_device_and_measures_on_its_language(
    laboratory: BackboneLaboratory, spec: Plan
) -> None:
    trainer = laboratory.trainer(spec, [Share(SWAHILI, [0, 1, 6, 7])])
    assert trainer.examples == 4
    assert trainer.fingerprint == spec.backbone.fingerprint
    state = initial_state(spec)
    assert (trainer.validate(state).examples, trainer.test(state).examples) == (1, 6)


def test_test_examples_can_be_limited_to_the_same_ones_every_time(laboratory: BackboneLaboratory, spec: Plan) -> None:
    share, state = Share(SWAHILI, [0, 6]), initial_state(spec)
    first, again = (laboratory.trainer(spec, [share], max_test=4).test(state) for _ in range(2))
    assert first.examples == 4
    assert first == again


def test_without_rows_a_trainer_can_still_measure(laboratory: BackboneLaboratory, spec: Plan) -> None:
    trainer = laboratory.trainer(spec, [Share(ZULU, [])])
    assert trainer.examples == 0
    assert trainer.test(initial_state(spec)).examples == 6


def test_a_pooled_trainer_has_the_examples_of_all_its_devices(laboratory: BackboneLaboratory, spec: Plan) -> None:
    shares = [Share(SWAHILI, [0, 1, 6, 7]), Share(ZULU, [2, 8]), Share(YORUBA, [3])]
    trainer, state = laboratory.trainer(spec, shares), initial_state(spec)
    assert trainer.examples == 7
    apart = [laboratory.trainer(spec, [share]).test(state) for share in shares]
    together = trainer.test(state)
    assert together.examples == sum(one.examples for one in apart) == 18
    assert together.loss == pytest.approx(np.mean([one.loss for one in apart]), rel=1e-5)
    closed = msgspec.structs.replace(spec, training=msgspec.structs.replace(spec.training, head_start="ridge"))
    pooled = tuned(laboratory.trainer(closed, shares), state)
    assert pooled["head.weight"].any()
    assert trainer.test(pooled).accuracy > 0.5


def test_trainers_share_a_model_and_do_not_disturb_each_other(laboratory: BackboneLaboratory, spec: Plan) -> None:
    start = initial_state(spec)
    know = {**start, "head.weight": np.full_like(start["head.weight"], 0.01)}
    one, other = (laboratory.trainer(spec, [Share(language, range(12))]) for language in (SWAHILI, ZULU))
    undisturbed = tuned(one, know)
    state = one.validate(undisturbed)
    tuned(other, start)
    other.validate(start)
    assert one.validate(undisturbed) == state
    for name, array in tuned(one, know).items():
        np.testing.assert_array_equal(array, undisturbed[name])


def test_plans_that_differ_in_their_prompt_stand_on_one_backbone(laboratory: BackboneLaboratory, spec: Plan) -> None:
    longer = msgspec.structs.replace(spec, prompt=PromptSpec(tokens=7))
    assert tuned(laboratory.trainer(spec, [Share(SWAHILI, [0, 6])]), initial_state(spec))["prompt"].shape[0] == 4
    assert tuned(laboratory.trainer(longer, [Share(SWAHILI, [0, 6])]), initial_state(longer))["prompt"].shape[0] == 7


def test_a_plan_with_another_backbone_is_refused(laboratory: BackboneLaboratory, spec: Plan) -> None:
    other = msgspec.structs.replace(spec.backbone, fingerprint=f"sha256:{hashlib.sha256().hexdigest()}")
    with pytest.raises(Incompatible, match="fingerprint"):
        laboratory.trainer(msgspec.structs.replace(spec, backbone=other), [Share(SWAHILI, [0])])


def test_a_cache_changes_no_measurement(laboratory: BackboneLaboratory, spec: Plan, data: Path, tmp_path: Path) -> None:
    share, start = Share(SWAHILI, [0, 1, 6, 7]), initial_state(spec)
    plain = laboratory.trainer(spec, [share])
    state = tuned(plain, start)
    for _ in range(2):
        cached = open_laboratory(spec, data, tmp_path).trainer(spec, [share])
        assert cached.test(state) == plain.test(state)
    assert len(list(tmp_path.glob("activations/*.safetensors"))) == 2


def test_plans_that_differ_in_how_they_train_share_what_is_encoded(spec: Plan, data: Path, tmp_path: Path) -> None:
    laboratory = open_laboratory(spec, data, tmp_path)
    laboratory.trainer(spec, [Share(SWAHILI, range(12))])
    kept = list(tmp_path.glob("activations/*.safetensors"))
    for file in kept:
        file.unlink()
    faster = msgspec.structs.replace(spec, training=msgspec.structs.replace(spec.training, head_learning_rate=0.1))
    laboratory.trainer(faster, [Share(SWAHILI, range(12))])
    assert kept
    assert not any(file.exists() for file in kept)


def test_the_simulator_finds_it_by_its_entry_point() -> None:
    (found,) = entry_points(group="mfpt.trainers")
    assert found.load() is BackboneLaboratory
