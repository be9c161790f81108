"""The plan as a TOML file that people edit, and as the JSON that the coordinator publishes."""

import msgspec

from mfpt_shared.errors import PlanError
from mfpt_shared.plan import Plan, ReceivedPlan, Section


def plan_from_toml(text: str, where: str) -> Plan:
    """Parse a plan file.

    Args:
        text: Content of the file; a byte order mark, as Windows' Notepad writes it, is no part of the plan.
        where: Name of the file, for messages.

    Raises:
        PlanError: The text is not TOML, a key is unknown, or a value is missing or out of bounds.
    """
    try:
        return msgspec.toml.decode(text.removeprefix("\ufeff"), type=Plan)
    except msgspec.ValidationError as error:
        raise PlanError(f"{where}: {error}; `mfpt-coord plan init` writes a plan with every key explained") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise PlanError(f"{where} is not TOML: {error}") from error


def plan_from_json(payload: bytes) -> Plan:
    """Parse a plan as `plan_to_json` writes it, here or in another version; it keeps the digest that it has there.

    Raises:
        PlanError: This version does not understand the plan.
    """
    try:
        return _parsed(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(f"the coordinator's plan cannot be read: {error}; is one side older than the other?") from error


def published_plan(payload: bytes) -> Plan:
    """Parse a plan as a coordinator publishes it: what binds the coordinator alone is not looked at, whatever it says.

    Raises:
        PlanError: This version does not understand what binds devices.
    """
    try:
        return _parsed(_without_aggregation(payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PlanError(str(error)) from error


def _parsed(payload: bytes) -> Plan:
    plan = msgspec.json.decode(payload, type=Plan)
    written = _without_aggregation(payload)
    if written == plan.binding:
        return plan
    return ReceivedPlan(**{name: getattr(plan, name) for name in Plan.__struct_fields__}, written=written)


def _without_aggregation(payload: bytes) -> bytes:
    """Return what binds devices, byte by byte as it was written."""
    members = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    if "aggregation" not in members:
        return payload
    del members["aggregation"]
    return msgspec.json.encode(members)


def plan_to_toml(plan: Plan) -> str:
    """Render a plan as TOML, with the description of every field beside it."""
    lines = ["# Federation plan of mfpt. The coordinator publishes it; every device follows it.", ""]
    sections = []
    for field in fields_of(Plan):
        value = getattr(plan, field.name)
        if isinstance(value, Section):
            sections += ["", f"[{field.name}]  # {(type(value).__doc__ or '').splitlines()[0]}", *_toml_fields(value)]
        else:
            lines += _toml_line(field, value)
    return "\n".join([*lines, *sections]) + "\n"


def _toml_fields(section: Section) -> list[str]:
    return [line for field in fields_of(type(section)) for line in _toml_line(field, getattr(section, field.name))]


def fields_of(section: type[Section]) -> tuple[msgspec.inspect.Field, ...]:
    """Return the fields of a section, in the order of the file."""
    described = msgspec.inspect.type_info(section)
    assert isinstance(described, msgspec.inspect.StructType)
    return described.fields


def description_of(field: msgspec.inspect.Field) -> str:
    """Return what a field of a section is for; empty where nothing is said of it."""
    described = field.type.extra_json_schema if isinstance(field.type, msgspec.inspect.Metadata) else None
    return str((described or {}).get("description", ""))


def _toml_line(field: msgspec.inspect.Field, value: object) -> list[str]:
    comment = description_of(field)
    # Strings, numbers, booleans and flat lists are written alike in JSON and TOML, except for one control character.
    literal = msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
    line = f"{field.name} = {literal}"
    return [f"{line}  # {comment}" if comment else line]
