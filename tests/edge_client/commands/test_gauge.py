"""What the bundled backbone's tokenizer makes of examples, before anything is cut."""

import pytest

from mfpt_edge.bundled.place import find_file
from mfpt_edge.commands.gauge import BundledGauge, gauge_for
from mfpt_edge.data.example import Example, inputs
from mfpt_edge.formats.e5_file import E5File
from mfpt_edge.formats.e5_tokenizer import BundledTokenizer
from mfpt_shared.plan import BackboneSpec, Plan, Task, TaskKind

MANY = 512


def plan(kind: TaskKind = "classification") -> Plan:
    return Plan(task=Task(labels=("a", "b"), kind=kind))


@pytest.mark.parametrize(
    ("text", "unknown", "characters"),
    [("Bei ya mafuta", 0, 11), ("Bei 𞤀𞤁𞤂", 3, 6), ("ⵜⴰⵎⴰⵣⵉⵖⵜ", 8, 8), ("ꕙꔤ ok", 2, 4)],
)
def test_characters_that_no_token_stands_for_are_counted(text: str, unknown: int, characters: int) -> None:
    (count,) = BundledGauge(plan()).count([Example(text)])

    assert (count.unknown, count.characters) == (unknown, characters)


def test_as_many_tokens_are_counted_as_a_device_reads_where_nothing_is_cut() -> None:
    tokenizer = BundledTokenizer(E5File(find_file()))
    kinds: tuple[TaskKind, ...] = ("classification", "pairs")
    for kind in kinds:
        examples = [Example("Bei ya mafuta imepanda", pair="Mafuta ni ghali" * (kind == "pairs"))]
        texts, pairs = inputs(plan(kind), examples)

        (count,) = BundledGauge(plan(kind)).count(examples)

        assert count.tokens == len(tokenizer.encode(texts, MANY, pairs)[0])


def test_another_backbone_is_not_measured_with_this_tokenizer() -> None:
    assert gauge_for(Plan(task=Task(labels=("a", "b")), backbone=BackboneSpec(uri="hf:org/name"))) is None


def test_a_very_long_text_has_more_tokens_than_a_device_reads() -> None:
    gauge = BundledGauge(plan())

    (count,) = gauge.count([Example("mawasiliano " * 100_000)])

    assert count.tokens > gauge.max_tokens
