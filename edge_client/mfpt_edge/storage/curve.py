"""How a device has done at each version of the federation's prompt, and which languages help its own.

Kept in the state folder through restarts, for people alone: nothing is decided by it.
"""

import logging
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from mfpt_shared.atomic import write_durably
from mfpt_shared.folders import private_folder

MOST_POINTS: Final = 400
"""Points that are kept; then every second one of the older half goes."""
_NEAR: Final = 8
_FILE: Final = "curve.json"
_Share = Annotated[float, Meta(ge=0, le=1)]

_log = logging.getLogger(__name__)


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one version. Accuracies are in 0..1; None where nothing was measured.

    A device measures for as long as it leaves its held-out examples out of its training: in its first rounds.

    Attributes:
        at: When the device first knew something of the version, Unix seconds.
        version: The version.
        federated: Accuracy of the federation's prompt on this device's held-out examples.
        alone: Accuracy of a head that has next to nothing of the federation's, fitted to this device's examples alone.
        used: Accuracy of what the device uses: a head with the own share that it has chosen.
        share: The own share, in 0..1.
        language: Mean accuracy of the federation's prompt on all devices of the language, as the coordinator says.
    """

    at: float
    version: int
    federated: _Share | None = None
    alone: _Share | None = None
    used: _Share | None = None
    share: _Share | None = None
    language: _Share | None = None


Curve = tuple[CurvePoint, ...]
"""Oldest first."""


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """What a device remembers.

    Attributes:
        curve: How it has done.
        helped_by: Language -> its part in the newest step of this device's language; see `LanguageRelations`.
    """

    curve: Curve = ()
    helped_by: dict[str, _Share] = {}


def read_course(folder: Path) -> Course:
    """Return what the device of a state folder remembers; a damaged file has nothing to remember."""
    file = folder / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Course)
    except FileNotFoundError:
        return Course()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _log.warning("%s cannot be read (%s): the curve begins anew", file, error)
        return Course()


def save_course(folder: Path, course: Course) -> None:
    """Remember it; arguments as for `read_course`.

    Raises:
        OSError: It cannot be written.
    """
    write_durably(private_folder(folder) / _FILE, msgspec.json.encode(course))


def with_point(curve: Curve, new: CurvePoint) -> Curve:
    """Return a curve with what has become known of a version, beside what was known of it."""
    for place in range(len(curve) - 1, max(-1, len(curve) - 1 - _NEAR), -1):
        # Further back, the same number is that of a federation that has begun anew.
        if curve[place].version == new.version:
            return *curve[:place], _joined(curve[place], new), *curve[place + 1 :]
    longer = (*curve, new)
    half = MOST_POINTS // 2
    return longer if len(longer) <= MOST_POINTS else (*longer[:half:2], *longer[half:])


def _joined(known: CurvePoint, new: CurvePoint) -> CurvePoint:
    told = {key: value for key, value in msgspec.structs.asdict(new).items() if value is not None}
    return msgspec.structs.replace(known, **(told | {"at": known.at}))
