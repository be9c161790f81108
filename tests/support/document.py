"""docs/protocol.md as data: its tables, and how they write the types of the code."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect

DOCUMENT: Final = (Path(__file__).parents[2] / "docs/protocol.md").read_text(encoding="utf-8")

Row = dict[str, str]

_POWERS: Final = {10**9: "10^9", 10**12: "10^12", 2**32 - 1: "2^32 - 1", 2**53: "2^53"}


def headings(level: int, under: str | None = None) -> list[str]:
    """Return the headings of a level, in the whole document or within a section."""
    text = DOCUMENT if under is None else section(under)
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def section(heading: str) -> str:
    """Return the text below a heading, with its subsections."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n", DOCUMENT, re.MULTILINE)
    assert found, f"docs/protocol.md has no heading {heading!r}"
    rest = DOCUMENT[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(heading: str) -> list[Row]:
    """Return the first table below a heading."""
    found = tables(heading)
    assert found, f"{heading!r} has no table"
    return found[0]


def tables(heading: str) -> list[list[Row]]:
    """Return the tables below a heading: for each row a dictionary, by the names of the columns."""
    blocks = [block.strip() for block in section(heading).split("\n\n")]
    return [_rows(block.splitlines()) for block in blocks if block.startswith("|")]


def _rows(lines: list[str]) -> list[Row]:
    head, _, *rows = map(_cells, lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def name_of(kind: type[msgspec.Struct]) -> str:
    """Return the name under which a message is in the document: its `type`, or that of its class."""
    tag = kind.__struct_config__.tag
    return tag if isinstance(tag, str) else kind.__name__


def members(kind: object) -> list[str]:
    """Return the names of the messages in a union."""
    described = inspect.type_info(kind)
    types = described.types if isinstance(described, inspect.UnionType) else (described,)
    return [name_of(member.cls) for member in types if isinstance(member, inspect.StructType)]


def fields_of(kind: type[msgspec.Struct]) -> list[inspect.Field]:
    """Return the fields of a message or section, with those of its bases."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    return list(described.fields)


def own_fields_of(kind: type[msgspec.Struct]) -> list[inspect.Field]:
    """Return the fields of a message without those of its bases, which the document explains once for all messages."""
    [base] = kind.__bases__
    inherited = set(base.__struct_fields__) if issubclass(base, msgspec.Struct) else set()
    return [field for field in fields_of(kind) if field.name not in inherited]


def blocks(heading: str) -> list[dict[str, str]]:
    """Return the fenced blocks below a heading: a name and a value on each line, which an indented one continues."""
    return [_named_values(block) for block in re.findall(r"^```text\n(.*?)^```$", section(heading), re.DOTALL | re.M)]


def _named_values(block: str) -> dict[str, str]:
    lines = re.sub(r"\n +", "", block).splitlines()
    return {name: value.strip() for name, _, value in (line.partition(" ") for line in lines)}


def default_of(field: inspect.Field) -> str:
    """Return the default of a field as the document writes it."""
    if field.required:
        return "required"
    if isinstance(field.default, msgspec.Struct):
        return "`{}`"
    default: Any = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{msgspec.json.encode(default).decode()}`"


def description_of(field: inspect.Field) -> str:
    """Return the description of a field of the plan."""
    assert isinstance(field.type, inspect.Metadata), f"{field.name} has no description"
    return str((field.type.extra_json_schema or {})["description"])


def wire_type(kind: inspect.Type) -> str:
    """Return a type as the document writes it, such as `number, 0 to 1`."""
    match kind:
        case inspect.Metadata():
            return wire_type(kind.type)
        case inspect.UnionType():
            return " or ".join(wire_type(one) for one in kind.types)
        case inspect.NoneType():
            return "null"
        case inspect.LiteralType():
            return "one of " + ", ".join(f"`{value}`" for value in kind.values)
        case inspect.IntType():
            return "integer" + _bounds(kind)
        case inspect.FloatType():
            return "number" + _bounds(kind)
        case inspect.BoolType():
            return "boolean"
        case inspect.StrType():
            return "string" + _shape(kind)
        case inspect.DictType():
            return f"object of {wire_type(kind.value_type)}"
        case inspect.ListType() | inspect.VarTupleType():
            return f"array of {_length(kind.min_length, kind.max_length)}{wire_type(kind.item_type)}"
        case inspect.StructType():
            return f"`{name_of(kind.cls)}`"
    raise AssertionError(f"docs/protocol.md has no word for {kind}")


def _bounds(kind: inspect.IntType | inspect.FloatType) -> str:
    lower = _number(kind.ge) if kind.ge is not None else f"above {_number(kind.gt)}" if kind.gt is not None else ""
    upper = _number(kind.le) if kind.le is not None else f"below {_number(kind.lt)}" if kind.lt is not None else ""
    return f", {lower} to {upper}" if lower and upper else ""


def _number(value: float) -> str:
    return _POWERS.get(int(value), f"{value:.10g}")


def _shape(kind: inspect.StrType) -> str:
    if kind.pattern is not None:
        return f", `{kind.pattern.replace(chr(92) + 'Z', '$')}`"
    if kind.max_length is not None:
        return f", {kind.min_length or 0} to {kind.max_length} characters"
    return ""


def _length(least: int | None, most: int | None) -> str:
    return f"{least or 0} to {most} × " if most else f"{least}+ × " if least else ""


def structs(kinds: Iterable[object], without: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    """Return every message that types lead to, by name, and stop at a type that is explained elsewhere."""
    found: dict[str, type[msgspec.Struct]] = {}
    waiting = [inspect.type_info(kind) for kind in kinds]
    while waiting:
        match waiting.pop():
            case inspect.StructType(cls=kind, fields=fields) if name_of(kind) not in found and kind is not without:
                found[name_of(kind)] = kind
                waiting += [field.type for field in fields]
            case inspect.UnionType(types=types):
                waiting += types
            case inspect.Metadata(type=inner) | inspect.ListType(item_type=inner) | inspect.DictType(value_type=inner):
                waiting.append(inner)
            case inspect.VarTupleType(item_type=inner):
                waiting.append(inner)
    return found
