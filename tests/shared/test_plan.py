"""The federation plan: its file, its bounds, and the digest that names it."""

import json
import tomllib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mfpt_coord.presets import PRESETS
from mfpt_shared.errors import PlanError
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Task, Training, checked, plan_to_json
from mfpt_shared.plan_files import plan_from_json, plan_from_toml, plan_to_toml

PLAN = Plan(task=Task(labels=("a", "b")))
TASK = '[task]\nlabels = ["a", "b"]\n'


def parse(text: str) -> Plan:
    return plan_from_toml(text, "plan.toml")


def with_line(section: str, line: str) -> str:
    return f"[task]\n{line}\n" if section == "task" else f"{TASK}[{section}]\n{line}\n"


def test_a_plan_needs_only_labels() -> None:
    assert parse(TASK) == PLAN


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_makes_a_plan_that_survives_its_file(name: str) -> None:
    plan = Plan(task=PRESETS[name].task, aggregation=PRESETS[name].aggregation)
    assert parse(plan_to_toml(plan)) == plan


@settings(max_examples=200)
@given(
    st.builds(
        Plan,
        task=st.builds(
            Task,
            labels=st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=4, unique=True).map(tuple),
            data=st.sampled_from(["", "cldr", "hf:imdb", "hf:org/name", "hf:org/name/sw"]),
        ),
        federation=st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True),
        backbone=st.builds(BackboneSpec, prefix=st.text(max_size=8), width=st.integers(1, 65_536)),
        prompt=st.builds(
            PromptSpec,
            method=st.sampled_from(["late", "prompt", "p-tuning"]),
            layer=st.integers(-1, 11),
            init_std=st.floats(0, 1e9),
            seed=st.integers(0, 2**32 - 1),
        ),
        training=st.builds(Training, weight_decay=st.floats(0, 1e9)),
        aggregation=st.builds(
            Aggregation,
            temperature=st.floats(0, 1e9, exclude_min=True),
            metrics=st.lists(st.sampled_from(["genetic", "script"]), min_size=1, max_size=2, unique=True).map(tuple),
        ),
        privacy=st.builds(Privacy, clip_norm=st.floats(0, 1e9))
        | st.builds(
            Privacy,
            clip_norm=st.floats(1e-3, 1),
            aggregation=st.just("masked"),
            min_group=st.integers(2, 32),
            noise=st.sampled_from(["local", "distributed"]),
            noise_multiplier=st.floats(1e-3, 100),
            epsilon=st.floats(0, 1e9),
            failure_probability=st.floats(1e-12, 0.5),
        ),
    )
)
def test_any_plan_survives_toml_and_json(plan: Plan) -> None:
    assert parse(plan_to_toml(plan)) == plan
    assert plan_from_json(plan_to_json(plan)) == plan


def test_a_label_with_a_delete_character_survives_its_file() -> None:
    """TOML forbids the bare character, JSON does not."""
    plan = Plan(task=Task(labels=("a\x7f", "b")))
    assert parse(plan_to_toml(plan)) == plan


def test_every_key_of_a_written_plan_is_explained() -> None:
    lines = [line for line in plan_to_toml(PLAN).splitlines() if " = " in line.partition("#")[0]]
    assert len(lines) > 30
    assert [line for line in lines if "  # " not in line] == []


def test_a_written_plan_holds_every_key() -> None:
    written = tomllib.loads(plan_to_toml(PLAN))
    assert written == json.loads(msgspec.json.encode(PLAN))


@pytest.mark.parametrize("section", ["task", "backbone", "prompt", "training", "aggregation", "privacy"])
def test_a_misspelt_key_is_named(section: str) -> None:
    text = with_line(section, "bufffer = 3") + ('labels = ["a", "b"]\n' if section == "task" else "")
    with pytest.raises(PlanError, match=rf"plan\.toml: .*`bufffer`.*\.{section}"):
        parse(text)


def test_a_misspelt_section_is_named() -> None:
    with pytest.raises(PlanError, match="`agregation`"):
        parse(TASK + "[agregation]\nbuffer = 3\n")


def test_a_missing_task_is_named() -> None:
    with pytest.raises(PlanError, match="`task`"):
        parse('federation = "x"\n')


def test_what_is_not_toml_is_said_to_be_not_toml() -> None:
    with pytest.raises(PlanError, match=r"plan\.toml is not TOML"):
        parse("labels = [")


# (section, key, values at its bounds, values beyond them), all as TOML
NOISY = "\nclip_norm = 1.0\nnoise_multiplier = 1.0"
BOUNDS = [
    ("backbone", "width", ["1", "65536"], ["0", "65537", "1.5", '"x"']),
    ("backbone", "layers", ["1", "1024"], ["0", "1025"]),
    ("backbone", "uri", ['"x"', f'"{"x" * 256}"'], ['""', f'"{"x" * 257}"']),
    ("backbone", "fingerprint", ['""', f'"sha256:{"0" * 64}"'], ['"sha256:"', f'"sha256:{"g" * 64}"', '"x"']),
    ("backbone", "quantisation", ['"nf4"', '"none"'], ['"int8"', "4"]),
    ("backbone", "prefix", ['""', f'"{"x" * 256}"'], [f'"{"x" * 257}"']),
    ("prompt", "method", ['"late"', '"prompt"', '"p-tuning"'], ['"lora"']),
    ("prompt", "tokens", ["1", "512"], ["0", "513"]),
    ("prompt", "layer", ["-1", "11"], ["-2", "12", "1024"]),
    ("prompt", "init_std", ["0.0", "1e9"], ["-0.1", "1.1e9", "nan", "inf"]),
    ("prompt", "encoder_width", ["1", "65536"], ["0", "65537"]),
    ("prompt", "seed", ["0", "4294967295"], ["-1", "4294967296"]),
    ("training", "epochs", ["1", "1000000"], ["0", "1000001"]),
    ("training", "min_steps", ["1", "1000000"], ["0", "1000001"]),
    ("training", "head_start", ['"ridge"', '"zero"'], ['"random"']),
    ("training", "batch_size", ["1", "1000000"], ["0", "1000001"]),
    ("training", "prompt_learning_rate", ["1e-9", "1e9"], ["0.0", "-1.0", "1.1e9", "nan"]),
    ("training", "head_learning_rate", ["1e-9", "1e9"], ["0.0", "1.1e9", "nan"]),
    ("training", "weight_decay", ["0.0", "1e9"], ["-0.1", "1.1e9", "nan"]),
    ("training", "max_tokens", ["4", "8192"], ["3", "8193"]),
    ("aggregation", "buffer", ["0", "1000000"], ["-1", "1000001"]),
    ("aggregation", "start_together", ["0", "1000000"], ["-1", "1000001"]),
    ("aggregation", "fold_after", ["1e-9", "1e9"], ["0.0", "1.1e9", "inf"]),
    ("aggregation", "patience", ["1e-9", "1e9"], ["0.0", "nan"]),
    ("aggregation", "concurrency", ["1", "1000000"], ["0", "1000001"]),
    ("aggregation", "staleness_exponent", ["0.0", "10.0"], ["-0.1", "10.1", "nan"]),
    ("aggregation", "staleness", ['"constant"', '"polynomial"', '"hinge"'], ['"none"']),
    ("aggregation", "staleness_grace", ["0", "1000000"], ["-1", "1000001"]),
    ("training", "schedule", ['"constant"', '"linear"'], ['"cosine"']),
    ("aggregation", "combine", ['"agree"', '"mean"', '"clip"', '"trimmed-mean"', '"median"'], ['"max"']),
    ("aggregation", "device_share", ["0.0", "1.0"], ["-0.1", "1.1", "nan"]),
    ("aggregation", "newcomer_share", ["0.01", "1.0"], ["0.0", "1.1", "nan"]),
    ("aggregation", "newcomer_updates", ["0", "1000000"], ["-1", "1000001"]),
    ("aggregation", "trim", ["0.0", "0.49"], ["-0.1", "0.5", "nan"]),
    ("aggregation", "optimiser", ['"sgd"', '"momentum"', '"adam"'], ['"lamb"']),
    ("aggregation", "momentum", ["0.0", "0.99"], ["-0.1", "1.0", "nan"]),
    ("aggregation", "second_moment", ["0.0", "0.99"], ["-0.1", "1.0", "nan"]),
    ("aggregation", "adaptivity", ["1e-9", "1e9"], ["0.0", "nan"]),
    ("aggregation", "languages", ["[]", '["xho", "som"]'], ['["xh"]', '["XHO"]', '"xho"']),
    ("aggregation", "zero_shot", ["[]", '["xho", "som"]'], ['["xh"]', '["XHO"]', '"xho"']),
    ("aggregation", "max_staleness", ["0", "1000000"], ["-1", "1000001"]),
    ("aggregation", "proximity", ['"auto"', '"fixed"', '"observed"', '"uniform"'], ['"near"']),
    ("aggregation", "temperature", ["1e-9", "1e9"], ["0.0", "1.1e9", "nan"]),
    ("aggregation", "metrics", ['["script"]', '["genetic", "featural"]'], ["[]", '["taste"]', '"genetic"']),
    ("aggregation", "max_examples", ["1", "1000000"], ["0", "1000001"]),
    ("aggregation", "cover_exponent", ["0.0", "1.0"], ["-0.1", "1.1", "nan"]),
    ("aggregation", "example_exponent", ["0.0", "1.0"], ["-0.1", "1.1", "nan"]),
    ("aggregation", "learning_rate", ["1e-9", "1e9"], ["0.0", "1.1e9", "nan"]),
    ("privacy", "clip_norm", ["0.0", "1e9"], ["-0.1", "1.1e9", "nan"]),
    ("privacy", "min_examples", ["1", "1000000"], ["0", "1000001"]),
    ("privacy", "aggregation", ['"open"', '"masked"'], ['"hidden"']),
    ("privacy", "min_group", ["2", "32"], ["1", "33"]),
    ("privacy", "noise", ['"none"', f'"local"{NOISY}', f'"distributed"{NOISY}\naggregation = "masked"'], ['"some"']),
    ("privacy", "noise_multiplier", ["0.0", '1e9\nclip_norm = 1e-7\nnoise = "local"'], ["-0.1", "1.1e9", "nan"]),
    ("privacy", "epsilon", ["0.0", f'1e9\nnoise = "local"{NOISY}'], ["-0.1", "1.1e9", "nan"]),
    ("privacy", "failure_probability", ["1e-30", "0.999"], ["0.0", "1.0", "nan"]),
    ("task", "labels", ['["a", "b"]'], ['["a"]', '["a", ""]', '["a", "a"]', f'["a", "{"b" * 257}"]']),
]
GOOD = [(section, key, value) for section, key, good, _ in BOUNDS for value in good]
BAD = [(section, key, value) for section, key, _, bad in BOUNDS for value in bad]


@pytest.mark.parametrize(("section", "key", "value"), GOOD)
def test_a_value_at_its_bound_is_taken(section: str, key: str, value: str) -> None:
    written = getattr(getattr(parse(with_line(section, f"{key} = {value}")), section), key)
    expected = tomllib.loads(f"x = {value}")["x"]
    assert written == (tuple(expected) if isinstance(expected, list) else expected)


@pytest.mark.parametrize(("section", "key", "value"), BAD)
def test_a_value_beyond_its_bound_is_refused_and_named(section: str, key: str, value: str) -> None:
    with pytest.raises(PlanError, match=key):
        parse(with_line(section, f"{key} = {value}"))


def test_every_key_has_its_bounds_tested() -> None:
    tested = {(section, key) for section, key, _, _ in BOUNDS} | {("task", "kind"), ("task", "data")}
    keys = {
        (section, key)
        for section, values in tomllib.loads(plan_to_toml(PLAN)).items()
        if isinstance(values, dict)
        for key in values
    }
    assert keys == tested


def test_more_than_a_thousand_labels_are_refused() -> None:
    with pytest.raises(PlanError, match="labels"):
        parse(f"[task]\nlabels = {[str(number) for number in range(1001)]}\n")


@pytest.mark.parametrize("name", ["", "A", "a/b", "a+", "#", "-a", "a" * 65, "ä", "a b", "a\\n"])
def test_a_federation_name_that_cannot_stand_in_a_topic_is_refused(name: str) -> None:
    with pytest.raises(PlanError, match="federation"):
        parse(f'federation = "{name}"\n{TASK}')


def test_a_fingerprint_ends_where_it_ends() -> None:
    with pytest.raises(PlanError, match="fingerprint"):
        parse(with_line("backbone", f'fingerprint = "sha256:{"0" * 64}\\n"'))


def test_a_plan_made_in_code_is_checked_like_one_that_was_read() -> None:
    with pytest.raises(PlanError, match="tokens"):
        checked(Plan(task=Task(labels=("a", "b")), prompt=PromptSpec(tokens=0)))


def test_three_quarters_of_the_depth_is_where_a_late_prompt_enters_unless_told() -> None:
    assert PLAN.late_layer == 9
    assert Plan(task=PLAN.task, prompt=PromptSpec(layer=3)).late_layer == 3
    assert Plan(task=PLAN.task, prompt=PromptSpec(layer=0)).late_layer == 0


@pytest.mark.parametrize(("examples", "epochs"), [(0, 12), (16, 12), (50, 3), (192, 1), (701, 1)])
def test_a_device_with_few_examples_makes_more_epochs(examples: int, epochs: int) -> None:
    assert Training(epochs=1, min_steps=12, batch_size=16).epochs_for(examples) == epochs
