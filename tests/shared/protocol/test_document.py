"""The tables of docs/protocol.md say what the code does: nothing more, and nothing less."""

import json
import re
import struct
from pathlib import Path
from typing import Final, cast, get_args

import msgspec
import numpy as np
import pytest
from msgspec import inspect

from conformance.v2 import frames
from mfpt_coord.access.accounts import Role as AccountRole
from mfpt_coord.access.rights import rights
from mfpt_coord.core.updates import MAX_CHANGE
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, BackboneSpec, Plan, Privacy, PromptSpec, Section, Task, Training
from mfpt_shared.protocol.bodies import MAX_TENSORS
from mfpt_shared.protocol.codec import MAX_JSON, encode
from mfpt_shared.protocol.frames import KINDS, MAX_PAYLOAD
from mfpt_shared.protocol.messages import (
    ClientState,
    FromCoordinator,
    FromDevice,
    MaskedHeader,
    Message,
    Phase,
    Prompt,
    PromptHeader,
    Refused,
    Reject,
    Role,
    Stop,
    UpdateHeader,
)
from mfpt_shared.protocol.topics import ROOT, TOPICS, Topic
from mfpt_shared.tensors import Quantised, layout
from support.document import (
    Row,
    default_of,
    description_of,
    fields_of,
    headings,
    members,
    name_of,
    own_fields_of,
    section,
    structs,
    table,
    tables,
    wire_type,
)

GOLDEN: Final = Path(__file__).parent / "golden"
TYPES: Final = {row["type"]: row["JSON"] for row in table("JSON messages")}
MESSAGES: Final = structs(
    [topic.json for topic in TOPICS if topic.json is not None] + [PromptHeader, UpdateHeader, MaskedHeader],
    without=Plan,
)
BASES: Final[dict[str, type[Message]]] = {
    "Every message": Message,
    "From the coordinator": FromCoordinator,
    "From a device": FromDevice,
}
SECTIONS: Final[dict[str, type[Section]]] = {
    "task": Task,
    "backbone": BackboneSpec,
    "prompt": PromptSpec,
    "training": Training,
    "aggregation": Aggregation,
    "privacy": Privacy,
}


def in_full(cell: str) -> str:
    """Return a type with the names of the table of types replaced by their definitions, and choices in order."""
    return " or ".join(_sorted_choices(_in_full(word)) for word in cell.split(" or "))


def _in_full(word: str) -> str:
    """Return a type, or an array of one, with a name of the table replaced by its definition."""
    many, times, one = word.rpartition(" × ")
    return f"{many}{times}{TYPES.get(one, one)}"


def _sorted_choices(word: str) -> str:
    head, found, choices = word.partition("one of ")
    return head + found + ", ".join(sorted(choices.split(", "))) if found else word


def code(field: inspect.Field) -> tuple[str, str, str]:
    return f"`{field.encode_name}`", in_full(wire_type(field.type)), default_of(field)


def document(row: Row, key: str) -> tuple[str, str, str]:
    return row[key], in_full(row["type"]), row["default"]


def test_the_topics_are_those_of_the_code() -> None:
    def payload(topic: Topic) -> str:
        names = [] if topic.json is None else members(topic.json)
        return ", ".join(
            [f"`{name}`" for name in names] + [f"`{kind.__name__.lower()}` frame" for kind in topic.frames]
        )

    expected = {
        (
            f"`{topic.name}`",
            topic.sender,
            str(topic.qos),
            "yes" if topic.retain else "no",
            frozenset(payload(topic).split(", ")),
        )
        for topic in TOPICS
    }
    written = {
        (row["topic"], row["sender"], row["QoS"], row["retained"], frozenset(row["payload"].split(", ")))
        for row in table("Topics")
    }
    assert written == expected


def test_every_message_has_a_section_and_every_section_a_message() -> None:
    assert set(headings(3, under="JSON messages")) == {*BASES, *MESSAGES}


@pytest.mark.parametrize("heading", BASES)
def test_the_fields_that_messages_have_in_common_are_those_of_the_code(heading: str) -> None:
    assert [document(row, "field") for row in table(heading)] == [code(one) for one in own_fields_of(BASES[heading])]


def test_no_message_has_fields_that_are_explained_nowhere() -> None:
    assert {base for kind in MESSAGES.values() for base in kind.__bases__} == {msgspec.Struct, *BASES.values()}


def test_the_parts_of_messages_are_those_of_the_code() -> None:
    parts = {name for name, kind in MESSAGES.items() if not issubclass(kind, Message)}
    assert set(re.findall("`([^`]+)`", section("Every message").partition("|")[0])) == parts


@pytest.mark.parametrize("heading", ["From the coordinator", "From a device"])
def test_the_messages_that_have_the_fields_of_a_sender_are_those_of_the_code(heading: str) -> None:
    before_the_table = section(heading).partition("|")[0]
    expected = {name for name, kind in MESSAGES.items() if issubclass(kind, BASES[heading])}
    assert set(re.findall("`([^`]+)`", before_the_table)) == expected


@pytest.mark.parametrize("name", MESSAGES)
def test_the_fields_of_a_message_are_those_of_the_code(name: str) -> None:
    kind = MESSAGES[name]
    expected = [code(field) for field in own_fields_of(kind)]
    if name != kind.__name__:
        expected.insert(0, ("`type`", f"`{name}`", "required"))
    assert [document(row, "field") for row in table(name)] == expected


def test_the_sections_of_the_plan_are_those_of_the_code() -> None:
    expected = {f"`{field.encode_name}`" for field in fields_of(Plan)}
    assert {row["key"] for row in table("The plan")} == expected
    assert set(headings(3, under="The plan")) == {f"Section `{name}`" for name in SECTIONS}
    assert {name: type(getattr(Plan(task=Task(labels=("a", "b"))), name)) for name in SECTIONS} == SECTIONS


@pytest.mark.parametrize("name", SECTIONS)
def test_the_keys_of_a_section_of_the_plan_are_those_of_the_code(name: str) -> None:
    rows = table(f"Section `{name}`")
    fields = fields_of(SECTIONS[name])
    assert [document(row, "key") for row in rows] == [code(field) for field in fields]
    meanings = [row["meaning"].replace("`", "") for row in rows]
    assert meanings == [description_of(field).replace("`", "") for field in fields]


@pytest.mark.parametrize(
    ("heading", "column", "choices"),
    [
        ("Phases", "phase", Phase),
        ("Reasons of reject", "reason", Reject.__annotations__["reason"]),
        ("Reasons of stop", "reason", Stop.__annotations__["reason"]),
        ("Reasons of refused", "reason", Refused.__annotations__["reason"]),
        ("Roles", "role", Role),
    ],
)
def test_every_choice_is_explained(heading: str, column: str, choices: object) -> None:
    rows = table(heading)
    assert {row[column] for row in rows} == {f"`{choice}`" for choice in get_args(choices)}
    assert all(row["meaning"] for row in rows)


@pytest.mark.parametrize("row", table("Accounts and rights"), ids=lambda row: row["role"].strip("`"))
def test_the_rights_of_a_role_are_those_of_the_code(row: Row) -> None:
    def filters(column: str) -> set[str]:
        names = re.findall("`([^`]+)`", row[column])
        return {f"{ROOT}/f/{re.sub('<id>|TOKEN', 'key', name).replace('<lang>', 'swh')}" for name in names}

    found = rights(cast("AccountRole", row["role"].strip("`")), "f", "key", LanguageCode("swh"))
    assert (filters("publishes"), filters("subscribes to")) == (set(found.publish), set(found.subscribe))


def test_every_role_has_its_rights() -> None:
    assert {row["role"] for row in table("Accounts and rights")} == {f"`{role}`" for role in get_args(AccountRole)}


@pytest.mark.parametrize(("file", "kind"), [("prompt-f16.mfpt", 1), ("update-int8.mfpt", 2), ("masked.mfpt", 3)])
def test_the_prefix_of_a_frame_is_laid_out_as_in_the_table(file: str, kind: int) -> None:
    frame = (GOLDEN / file).read_bytes()
    codes = {"bytes": "4s", "u8": "B", "u16": "H", "u32": "I"}
    fixed = [row for row in table("The binary frame") if row["offset"].isdigit() and row["size"].isdigit()]
    values = {}
    for row in fixed:
        layout_of_field = struct.Struct(f"<{codes[row['type']]}")
        assert layout_of_field.size == int(row["size"])
        (values[row["field"]],) = layout_of_field.unpack_from(frame, int(row["offset"]))
    header, body = values.pop("h, length of the header"), values.pop("b, length of the body")
    assert values == {"magic": b"MFPT", "frame version": 2, "kind": kind, "reserved": 0}
    assert len(frame) == 16 + header + body + 4
    assert json.loads(frame[16 : 16 + header])


def test_the_dtypes_are_those_of_the_code() -> None:
    half, quantised = np.ones(2, np.float16), Quantised(np.ones(2, np.int8), np.ones(1, np.float32))
    header = PromptHeader(language="swh", version=0, plan="p", backbone="b")
    _, body = frames.read_frame(encode(Prompt(header, {"half": half, "quantised": quantised})), frames.PROMPT)
    index = json.loads(body[8 : 8 + int.from_bytes(body[:8], "little")])
    sizes = {
        (entry["dtype"], (entry["data_offsets"][1] - entry["data_offsets"][0]) // entry["shape"][0])
        for entry in index.values()
    }
    rows = next(rows for rows in tables("The binary frame") if "dtype" in rows[0])
    assert {(row["dtype"].strip("`"), int(row["bytes"])) for row in rows} == sizes


def test_the_kinds_of_frames_are_named() -> None:
    [kind] = [row["value"] for row in table("The binary frame") if row["field"] == "kind"]
    assert kind == ", ".join(f"{number}: {name}" for number, name in KINDS.items())


@pytest.mark.parametrize("method", ["late", "prompt", "p-tuning"])
@pytest.mark.parametrize("labels", [(), ("a", "b", "c")])
def test_the_tensors_of_a_prompt_state_are_those_of_the_code(method: str, labels: tuple[str, ...]) -> None:
    task = {"labels": labels, "kind": "classification" if labels else "generation"}
    prompt = {"method": method, "tokens": 5, "encoder_width": 11}
    plan = msgspec.convert({"task": task, "prompt": prompt, "backbone": {"width": 7}}, type=Plan)
    sizes = {"T": 5, "W": 7, "H": 11, "C": len(labels)}
    present = {"always": True, "p-tuning": method == "p-tuning", "labels": bool(labels)}
    written = {
        row["name"].strip("`"): tuple(sizes[letter] for letter in re.findall("[A-Z]", row["shape"]))
        for row in table("The prompt state")
        if present[row["present"]]
    }
    assert written == layout(plan)


def test_the_limits_are_those_of_the_code() -> None:
    limits = [float(row["value"]) for row in table("Limits")]
    assert limits == [MAX_PAYLOAD, MAX_JSON, MAX_TENSORS, MAX_CHANGE]


def test_a_name_in_the_table_of_types_is_used() -> None:
    cells = [row["type"] for name in (*BASES, *MESSAGES) for row in table(name)]
    used = {word.rpartition(" × ")[2] for cell in cells for word in cell.split(" or ")}
    assert set(TYPES) - used == set()


def test_a_difference_is_noticed() -> None:
    class Newer(ClientState, frozen=True):
        battery: int = 0

    assert name_of(Newer) == "Newer"
    assert [code(field) for field in own_fields_of(Newer)] == [("`battery`", "integer", "`0`")]
    assert ("`battery`", "integer", "`0`") not in [document(row, "field") for row in table("ClientState")]
