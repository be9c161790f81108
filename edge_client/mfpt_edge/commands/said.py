"""What options say of when a device trains and how much it sends."""

import re

from msgspec import UNSET

from mfpt_edge.commands.join_config import parse_size
from mfpt_edge.host.hours import Hours
from mfpt_edge.storage.settings import OnBattery, Said
from mfpt_shared.errors import UsageError

_ALWAYS = "always"
_NONE = "none"
_A_MONTH = re.compile(r"\s*/\s*month\s*$", re.IGNORECASE)


def parse_said(hours: str | None, max_load: str | None, on_battery: OnBattery | None, max_upload: str | None) -> Said:
    """Return what the options of these names say; None: one was not given.

    Raises:
        UsageError: One of them makes no sense.
    """
    return Said(
        hours=UNSET if hours is None else _hours(hours),
        max_load=UNSET if max_load is None else _load(max_load),
        on_battery=UNSET if on_battery is None else on_battery,
        max_upload=UNSET if max_upload is None else _upload(max_upload),
    )


def _hours(text: str) -> str:
    hours = "".join(text.split()).lower()
    if hours in (_ALWAYS, _NONE):
        return ""
    Hours.parse(hours)
    return hours


def _load(text: str) -> float | None:
    text = text.strip().lower()
    if text == _NONE:
        return None
    try:
        load = float(text)
    except ValueError:
        load = -1.0
    if not 0 <= load <= 1e6:
        raise UsageError(f"--max-load {text!r}: give a load average such as 0.5, or none")
    return load


def _upload(text: str) -> int | None:
    if text.strip().lower() == _NONE:
        return None
    try:
        return parse_size(_A_MONTH.sub("", text), "--max-upload")
    except UsageError:
        raise UsageError(f"--max-upload {text!r}: give a size such as 50MB/month, or none") from None
