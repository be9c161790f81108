"""Language distances from URIEL+, looked up in a child process.

URIEL+ takes seconds and some 400 MB, needs pandas, and logs at will; the child takes all that with it when it ends.
The coordinator keeps what was found in its store.

    python -m mfpt_coord.distances syntactic,genetic swh zul yor

prints one JSON object: `[[first, second, {metric: distance}], …]` for the pairs of which something is known.

Source: URIEL+, Khan et al. 2024, "URIEL+: Enhancing linguistic inclusion and usability in a typological and
multilingual knowledge base".
"""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from mfpt_coord.core.proximity import Distances, pair
from mfpt_shared.languages import LanguageCode

LOOK_UP_SECONDS: Final = 180.0

_log = logging.getLogger(__name__)


async def look_up(languages: Iterable[LanguageCode], metrics: Sequence[str]) -> Distances:
    """Return what URIEL+ knows of the distances between languages; nothing if it cannot be asked."""
    command = [sys.executable, "-m", __name__, ",".join(metrics), *sorted(languages)]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            output, errors = await process.communicate()
    except TimeoutError:
        _log.warning("no language distances within %g s; all languages count as equally far", LOOK_UP_SECONDS)
        return {}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        reason = errors.decode(errors="replace").strip().splitlines()[-1:] or [f"exit {process.returncode}"]
        _log.warning("no language distances: %s; all languages count as equally far", reason[0])
        return {}
    return {pair(LanguageCode(first), LanguageCode(second)): known for first, second, known in json.loads(output)}


def main(metrics: Sequence[str], languages: Sequence[str]) -> None:
    """Print the distances between languages as JSON."""
    logging.disable(logging.INFO)
    from urielplus.urielplus import URIELPlus  # noqa: PLC0415 - slow, and wanted in the child process only

    uriel = URIELPlus()
    known: dict[tuple[str, str], dict[str, float]] = {}
    for metric in metrics:
        in_database = uriel.langs[uriel.map_new_distance_to_loaded_features(metric)]
        usable = sorted(set(languages).intersection(in_database))
        if len(usable) < 2:
            continue
        found = uriel.new_distance(metric, usable)
        for row, first in enumerate(usable):
            for column in range(row + 1, len(usable)):
                # Of two languages URIEL+ gives the bare distance, of more a matrix.
                value = float(found if len(usable) == 2 else found[row][column])
                if 0 <= value <= 1:  # -1: unknown for this pair
                    known.setdefault((first, usable[column]), {})[metric] = value
    json.dump([[first, second, values] for (first, second), values in sorted(known.items())], sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1].split(","), sys.argv[2:])
