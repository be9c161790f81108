"""Language distances from URIEL+, looked up in a child process and cached for commands that ask again.

URIEL+ takes seconds and some 400 MB, needs pandas, and writes log lines of its own; all of that ends with the child.
The coordinator keeps the distances in its store, other commands in a cache on disk.

    echo '[["swh", "zul", ["genetic", "script"]]]' | python -m mfpt_coord.languages.distances

prints one line of JSON for each pair, `["swh", "zul", {"genetic": 0.5829, "script": 0.5335}]`, without the metrics that
are unknown.

Source: URIEL+, Khan et al. 2024, "URIEL+: Enhancing linguistic inclusion and usability in a typological and
multilingual knowledge base".
"""

import asyncio
import functools
import itertools
import json
import logging
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final, get_args

import msgspec

from mfpt_coord.core.relations import CUSTOM, Distances, Pair
from mfpt_shared.atomic import write_durably
from mfpt_shared.environment import sentence
from mfpt_shared.folders import cache_home, private_folder
from mfpt_shared.languages import UNDETERMINED, LanguageCode, named
from mfpt_shared.plan import Aggregation, DistanceMetric
from mfpt_shared.system.children import creation_flags

METRICS: Final[tuple[DistanceMetric, ...]] = get_args(DistanceMetric)
USUAL_METRICS: Final = Aggregation().metrics
"""What a plan asks for unless it says something else."""

LOOK_UP_SECONDS: Final = 180.0

# ISO 639-3 codes that URIEL+ lacks -> the nearest language that it has.
_STAND_INS: Final[Mapping[str, str]] = {"cnr": "srp"}

_CACHE_FILE: Final = "distances.json"

_Kept = dict[Pair, dict[str, float | None]]

LookUp = Callable[[Iterable[LanguageCode], Sequence[str]], Awaitable[Distances]]

_log = logging.getLogger(__name__)


class _Cache(msgspec.Struct, frozen=True):
    """What a cache file holds: "swh zul" -> metric -> distance, or null where URIEL+ has none."""

    source: str
    distances: dict[str, dict[str, Annotated[float, msgspec.Meta(ge=0, le=1)] | None]]


async def look_up(languages: Iterable[LanguageCode], metrics: Sequence[str]) -> Distances:
    """Return what URIEL+ knows about the distances between languages; nothing if it cannot be asked."""
    answered = await _ask(dict.fromkeys(pairs(languages), metrics))
    return {two: known for two, known in answered.items() if known}


async def cached_look_up(languages: Iterable[LanguageCode], metrics: Sequence[str], cache: Path) -> Distances:
    """Return what URIEL+ knows about the distances between languages, asking it only what was never asked before.

    Args:
        languages: Any number of languages.
        metrics: Kinds of distances.
        cache: Folder of the cache, created if needed. What cannot be read there is asked again.
    """
    wanted = pairs(languages)
    file = cache / _CACHE_FILE
    kept = _read(file)
    missing = {two: lacking for two in wanted if (lacking := [one for one in metrics if one not in kept.get(two, {})])}
    if missing:
        _log.info(
            "asking URIEL+ about %d pairs of languages (only once; the answers are kept in %s)", len(missing), cache
        )
        answered = await _ask(missing)
        # Read again: another command may have written in the meantime.
        kept = _with_answers(kept | _read(file), missing, answered)
        if answered:
            _write(file, kept)
    return {
        two: known
        for two in wanted
        if (known := {one: value for one in metrics if (value := kept.get(two, {}).get(one)) is not None})
    }


async def find(
    languages: Iterable[LanguageCode], metrics: Sequence[str], custom: Distances, cache: Path | None = None
) -> Distances:
    """Return the known distances between languages; URIEL+ is asked about pairs without a custom distance.

    Args:
        languages: Any number of languages.
        metrics: Kinds of distances.
        custom: The user's own distances.
        cache: Folder of the cache; None: the user's cache folder.
    """
    ask = functools.partial(cached_look_up, cache=cache_home() if cache is None else cache)
    return await with_custom(ask, custom)(languages, metrics)


def with_custom(ask: LookUp, custom: Distances) -> LookUp:
    """Return a look-up that gives the user's own distances, and asks `ask` only about the other pairs."""

    async def look_up_others(languages: Iterable[LanguageCode], metrics: Sequence[str]) -> Distances:
        wanted = pairs(languages)
        others = {language for two in wanted if two not in custom for language in two}
        found = await ask(others, metrics) if others else {}
        return merged(found, {two: custom[two] for two in wanted if two in custom})

    return look_up_others


def merged(known: Distances, custom: Distances) -> Distances:
    """Return known distances with the user's own distances added; earlier ones of the user are dropped."""
    others = {two: {one: value for one, value in of.items() if one != CUSTOM} for two, of in known.items()}
    both = {two: {**others.get(two, {}), **custom.get(two, {})} for two in [*others, *custom]}
    return {two: of for two, of in both.items() if of}


def pairs(languages: Iterable[LanguageCode]) -> list[Pair]:
    """Return all pairs of different languages, as keys of `Distances`; `und` is left out."""
    return list(itertools.combinations(sorted(set(languages) - {UNDETERMINED}), 2))


async def _ask(wanted: Mapping[Pair, Sequence[str]]) -> Distances:
    """Return what URIEL+ answers about pair -> metrics.

    A pair of which it knows nothing has an empty answer; a pair that it did not get to in time has none.
    """
    if not wanted:
        return {}
    for language in sorted({language for two in wanted for language in two if language in _STAND_INS}):
        _log.info("URIEL+ does not know %s: its distances are those of %s", named(language), _stand_in(language))
    answered: dict[Pair, dict[str, float]] = {}
    try:
        reason = await _collect(wanted, answered)
    except OSError as error:
        reason = sentence(error)
    if len(answered) < len(wanted):
        _log.warning(
            "no distances for %d of %d pairs of languages: %s; these pairs count as equally distant",
            *(len(wanted) - len(answered), len(wanted), reason),
        )
    return answered


async def _collect(wanted: Mapping[Pair, Sequence[str]], answered: dict[Pair, dict[str, float]]) -> str:
    """Add the answers of a child process one by one, and return why there are no more.

    Raises:
        OSError: The child cannot be started.
    """
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as errors:
        request.write(json.dumps([[*two, list(metrics)] for two, metrics in wanted.items()]).encode())
        request.seek(0)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__),
            stdin=request,
            stdout=PIPE,
            stderr=errors,
            creationflags=creation_flags(),
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                async for line in process.stdout:
                    first, second, known = json.loads(line)
                    answered[LanguageCode(first), LanguageCode(second)] = known
                await process.wait()
        except TimeoutError:
            return f"URIEL+ took longer than {LOOK_UP_SECONDS:g} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return "".join(last) or f"exit {process.returncode}"


def _with_answers(kept: _Kept, asked: Mapping[Pair, Sequence[str]], answered: Distances) -> _Kept:
    """Return what is kept together with the answers; None where URIEL+ was asked and does not know."""
    new = {two: {one: known.get(one) for one in asked[two]} for two, known in answered.items()}
    return kept | {two: {**kept.get(two, {}), **known} for two, known in new.items()}


def _source() -> str:
    return f"urielplus {version('urielplus')}"


def _read(file: Path) -> _Kept:
    """Return what a cache holds; nothing if it is missing, damaged, or from another version of URIEL+."""
    try:
        cache = msgspec.json.decode(file.read_bytes(), type=_Cache)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    if cache.source != _source():
        return {}
    kept: _Kept = {}
    for key, known in cache.distances.items():
        first, _, second = key.partition(" ")
        kept[LanguageCode(first), LanguageCode(second)] = dict(known)
    return kept


def _write(file: Path, kept: _Kept) -> None:
    cache = _Cache(_source(), {" ".join(two): known for two, known in sorted(kept.items())})
    try:
        if not file.parent.exists():  # one that somebody chose may hold other things, and keeps its mode
            private_folder(file.parent)
        # Whatever processes write at once, the last one wins, and nobody ever reads half a file.
        write_durably(file, msgspec.json.format(msgspec.json.encode(cache), indent=1))
    except OSError as error:
        _log.warning("language distances cannot be cached in %s: %s", file.parent, error.strerror)


def _stand_in(language: str) -> str:
    return _STAND_INS.get(language, language)


def main() -> None:
    """Answer the request on stdin; this is what the child process runs."""
    logging.disable(logging.INFO)
    request = json.load(sys.stdin)
    from urielplus.urielplus import URIELPlus  # noqa: PLC0415 - slow, and needed in the child process only

    uriel = URIELPlus()
    metrics = {metric for _, _, wanted in request for metric in wanted}
    described = {metric: set(uriel.langs[uriel.map_new_distance_to_loaded_features(metric)]) for metric in metrics}
    for first, second, wanted in request:
        known = {}
        both = [_stand_in(first), _stand_in(second)]
        for metric in wanted:
            if not described[metric].issuperset(both):
                continue
            try:
                value = float(uriel.new_distance(metric, both))
            except ValueError:  # the two have no known feature in common
                continue
            if 0 <= value <= 1:
                known[metric] = round(value, 4)
        sys.stdout.write(json.dumps([first, second, known]) + "\n")  # noqa: TID251 - for the parent, not a terminal
        sys.stdout.flush()


if __name__ == "__main__":
    main()
