"""Versions as the page shows them: when each was made, of which updates, and what each of these moved.

Under masks nobody knows what a single update moved: a version is made of groups, and these are shown.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from mfpt_coord.page.languages import Helper, Named
from mfpt_coord.page.listing import Asked, Listed
from mfpt_coord.page.names import Names
from mfpt_coord.server.stored_rows import Rows
from mfpt_shared.languages import UNDETERMINED, LanguageCode

MOST_MOVED: Final = 8
"""Languages that are named of those that an update moved."""
MOST_PARTS: Final = 200
"""Updates or groups of a version that are shown, those first that moved most."""

_PAGE: Final = "SELECT version, at, updates FROM folds ORDER BY version DESC LIMIT ? OFFSET ?"
_ONE: Final = "SELECT version, at, languages, updates, weights FROM folds WHERE version = ?"
_MADE_OF: Final = """
SELECT client, sequence, language, base_version, staleness, examples, received, cohort FROM updates WHERE fold = ?
"""
_BACK: Final = "SELECT version, count(*), max(source) FROM history WHERE source IS NOT NULL GROUP BY version"


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version.

    Attributes:
        at: When it was made, Unix seconds.
        updates: Number of updates that it was made of; 0: the operator went back to an earlier one.
        back: Version that languages went back to; None: it was learned.
        languages: Number of languages that went back.
    """

    version: int
    at: float
    updates: int
    back: int | None = None
    languages: int = 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one update, or one group under masks, moved.

    Attributes:
        device: Device that sent it; empty for a group.
        group: Id of the group; empty in the open.
        devices: Number of updates in it.
        languages: Its languages; several only in a group; none where the row of an old update is gone.
        examples: Training examples behind it.
        staleness: Versions that it was behind, the most in a group.
        received: When it came, Unix seconds; None: nobody knows any more.
        part: Its mean part in the steps of all languages, 0 to 1.
        moved: Languages whose steps it has the largest parts in.
    """

    device: str
    group: str
    devices: int
    languages: list[Named]
    examples: int
    staleness: int
    received: float | None
    part: float
    moved: list[Helper]


class VersionDetail(msgspec.Struct, frozen=True, kw_only=True):
    """A version with what it was made of; `more` parts are not shown."""

    version: int
    at: float
    updates: int
    languages: int
    masked: bool
    parts: list[Part]
    more: int


def versions(rows: Rows, asked: Asked) -> Listed[VersionRow]:
    """Return a page of versions, newest first."""
    total = rows.execute("SELECT count(*) FROM folds").fetchone()[0]
    pages = max(1, -(-total // asked.size))
    page = min(asked.page, pages)
    back = {version: (source, number) for version, number, source in rows.execute(_BACK)}
    found = rows.execute(_PAGE, (asked.size, (page - 1) * asked.size)).fetchall()
    return Listed(
        rows=[_version(row, *back.get(row[0], (None, 0))) for row in found], total=total, page=page, pages=pages
    )


def _version(row: Sequence[Any], back: int | None, languages: int) -> VersionRow:
    version, at, updates = row
    return VersionRow(version=version, at=at, updates=len(json.loads(updates)), back=back, languages=languages)


def version_detail(rows: Rows, version: int, names: Names) -> VersionDetail | None:
    """Return a version with what each of its updates moved; None: it is not kept.

    Args:
        rows: The database.
        version: The version.
        names: Names of languages.
    """
    found = rows.execute(_ONE, (version,)).fetchone()
    if found is None:
        return None
    _, at, languages, updates, stored = found
    targets, made_of = json.loads(languages), [tuple(update) for update in json.loads(updates)]
    weights = np.frombuffer(bytes(stored), np.float64).reshape(-1, len(made_of)) if made_of else np.zeros((0, 0))
    known = {(client, sequence): row for client, sequence, *row in rows.execute(_MADE_OF, (version,))}
    groups = _grouped(made_of, known)
    names.learn(LanguageCode(one) for one in targets)
    spoken = [place for place, target in enumerate(targets) if target != UNDETERMINED] or list(range(len(targets)))
    parts = [_part(group, places, known, made_of, weights[spoken], [targets[one] for one in spoken], names)
             for group, places in groups.items()]  # fmt: skip
    parts.sort(key=lambda part: (-part.part, part.device, part.group))
    return VersionDetail(
        version=version,
        at=at,
        updates=len(made_of),
        languages=len(spoken),
        masked=any(part.group for part in parts),
        parts=parts[:MOST_PARTS],
        more=max(0, len(parts) - MOST_PARTS),
    )


_Known = Mapping[tuple[str, int], Sequence[Any]]


def _grouped(made_of: Iterable[tuple[str, int]], known: _Known) -> dict[str, list[int]]:
    """Return group, or device and number of an update in the open -> the places of its updates in a fold."""
    groups: dict[str, list[int]] = {}
    for place, update in enumerate(made_of):
        cohort = known[update][-1] if update in known else None
        groups.setdefault(cohort or f"{update[0]} {update[1]}", []).append(place)
    return groups


def _part(
    group: str,
    places: Sequence[int],
    known: _Known,
    made_of: Sequence[tuple[str, int]],
    weights: NDArray[np.float64],
    targets: Sequence[str],
    names: Names,
) -> Part:
    """Return what the updates at some places of a fold moved together; `weights` are [targets, updates]."""
    rows = [known[made_of[place]] for place in places if made_of[place] in known]
    is_group = bool(rows and rows[0][-1])
    moved = weights[:, list(places)].sum(axis=1)
    largest = np.argsort(-moved, kind="stable")[:MOST_MOVED]
    return Part(
        device="" if is_group else made_of[places[0]][0],
        group=group if is_group else "",
        devices=len(places),
        languages=[Named(language=one, name=names.of(LanguageCode(one))) for one in sorted({row[0] for row in rows})],
        examples=sum(row[3] for row in rows),
        staleness=max((row[2] for row in rows), default=0),
        received=max((row[4] for row in rows), default=None),
        part=round(float(moved.mean()), 5) if len(moved) else 0.0,
        moved=[
            Helper(language=targets[one], name=names.of(LanguageCode(targets[one])), part=round(float(moved[one]), 4))
            for one in largest
            if moved[one] > 0
        ],
    )
