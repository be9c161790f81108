"""The coordinator's state as the tables of its database hold it; `store` says what they are and writes them."""

import json
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np

from mfpt_coord.core.client import Client
from mfpt_coord.core.clients import Clients
from mfpt_coord.core.consensus import kept_by_language, usual_shares
from mfpt_coord.core.optimiser import moment_count
from mfpt_coord.core.relations import Comparison, Distances, OwnShare, Pair, Relations, Speaker
from mfpt_coord.core.speakers import Shares
from mfpt_coord.core.standing import Best, Standing
from mfpt_coord.core.state import Contribution, State, Survivor
from mfpt_coord.core.sums import contribution_of
from mfpt_coord.core.taking_part import counted_shares
from mfpt_coord.server.stored_admission import enrolments, invitations
from mfpt_coord.server.stored_rows import Rows
from mfpt_shared.languages import LanguageCode
from mfpt_shared.plan import Aggregation, Plan
from mfpt_shared.protocol.bodies import read_values
from mfpt_shared.protocol.codec import decode
from mfpt_shared.protocol.messages import Update, UpdateCounts
from mfpt_shared.protocol.topics import CLIENT_UP
from mfpt_shared.tensors import Array, Layout, dense, flatten, layout


def read_state(database: Rows, plan: Plan, counts: UpdateCounts) -> State:
    """Return the state after the last commit.

    Args:
        database: Connection to the coordinator's database.
        plan: The plan that it holds.
        counts: Counts of the updates that were not accepted; the accepted ones are counted here.
    """
    shapes = layout(plan)
    staleness = {int(value): number for value, number in _summed(database, "staleness", "staleness")}
    state = State(
        plan,
        shapes,
        version=database.execute("SELECT coalesce(max(version), 0) FROM folds").fetchone()[0],
        prompts=_prompts(database),
        buffer=(*_buffer(database, shapes), *_sums(database, plan)),
        clients=_clients(database),
        contributed={
            LanguageCode(language): examples
            for language, examples in _summed(database, "examples", "language", "examples", "fold IS NOT NULL")
        },
        relations=Relations(_distances(database), _comparisons(database), _own_shares(database)),
        directions=_directions(database),
        moments=_moments(database, plan.aggregation),
        best=best_versions(database),
        standings=_standings(database),
        counts=msgspec.structs.replace(counts, accepted=sum(staleness.values())),
        enrolments=enrolments(database),
        invitations=invitations(database),
        staleness=staleness,
    )
    shares = Shares.of(counted_shares(state, state.relations.shares))
    return replace(state, usual=usual_shares(shares), kept=kept_by_language(shares))


def _summed(database: Rows, kind: str, key: str, value: str = "1", which: str = "TRUE") -> list[tuple[str, int]]:
    """Return key -> sum, of the rows of updates that are there and of those that were removed.

    Args:
        database: Connection to the coordinator's database.
        kind: What is summed up, as the table of totals names it.
        key: Column of the key.
        value: What is summed up of a row.
        which: Which rows of updates count.
    """
    query = f"""
        WITH parts (key, value) AS (
            SELECT CAST({key} AS TEXT), {value} FROM updates WHERE {which}
            UNION ALL SELECT key, value FROM totals WHERE kind = ?
        )
        SELECT key, CAST(sum(value) AS BIGINT) FROM parts GROUP BY key
    """  # noqa: S608 - our own constants
    return database.execute(query, (kind,)).fetchall()


def _prompts(database: Rows) -> dict[LanguageCode, Array]:
    newest = """
        SELECT language, vector FROM prompts
        JOIN (SELECT language, max(version) AS version FROM prompts GROUP BY language) AS newest
        USING (language, version)
    """
    return {language: np.frombuffer(vector, np.float32) for language, vector in database.execute(newest)}


def prompt_of(database: Rows, language: LanguageCode, version: int) -> Array | None:
    """Return a language's prompt as of exactly this version; None: it is not kept."""
    query = "SELECT vector FROM prompts WHERE language = ? AND version = ?"
    row = database.execute(query, (language, version)).fetchone()
    return None if row is None else np.frombuffer(row[0], np.float32)


def best_versions(database: Rows) -> dict[LanguageCode, Best]:
    """Return language -> the version of its prompt that did best."""
    rows = database.execute("SELECT language, version, accuracy, examples FROM best")
    return {LanguageCode(language): Best(*best) for language, *best in rows}


def _standings(database: Rows) -> dict[LanguageCode, Standing]:
    rows = database.execute(
        "SELECT language, accuracy, own_share, weights FROM history "
        "WHERE version = (SELECT max(version) FROM history) ORDER BY language"
    )
    return {
        LanguageCode(language): Standing(accuracy, own_share, json.loads(weights))
        for language, accuracy, own_share, weights in rows
    }


def _buffer(database: Rows, shapes: Layout) -> tuple[Contribution, ...]:
    rows = database.execute(
        "SELECT client, language, staleness, examples, received, sha256, payload FROM updates "
        "WHERE fold IS NULL AND cohort IS NULL ORDER BY number"
    )
    buffer = []
    for client, language, staleness, examples, received, digest, payload in rows:
        update = decode(CLIENT_UP, payload)
        assert isinstance(update, Update)
        # What the device claimed may be more than what counts.
        header = msgspec.structs.replace(update.header, examples=examples)
        delta = flatten(dense(update.delta), shapes)
        buffer.append(Contribution(client, header, language, staleness, delta, received, digest))
    return tuple(buffer)


def _sums(database: Rows, plan: Plan) -> Iterator[Contribution]:
    for cohort, at, total in database.execute("SELECT id, at, sum FROM cohorts WHERE fold IS NULL ORDER BY number"):
        rows = database.execute(
            "SELECT client, sequence, language, examples, base_version, staleness, sha256 FROM updates "
            "WHERE fold IS NULL AND cohort = ? ORDER BY number",
            (cohort,),
        )
        yield contribution_of(plan, cohort, [Survivor(*row) for row in rows], read_values(total), at)


def _clients(database: Rows) -> Clients:
    rows = database.execute(
        "SELECT id, language, examples, sequence, contributed, seconds, accuracy, device, last_seen, session, "
        "announced, grants FROM clients"
    )
    folded = dict(_summed(database, "updates", "client", which="fold IS NOT NULL"))
    clients = []
    for client, language, examples, sequence, contributed, seconds, accuracy, device, seen, *announcement in rows:
        session, announced, grants = announcement
        known = Client(client, language, examples, sequence, contributed, seconds, accuracy)
        durable = replace(
            known,
            device=device,
            last_seen=seen,
            session=session,
            announced=announced,
            grants=tuple(json.loads(grants)),
            folded=folded.get(client, 0),
        )
        clients.append(durable)
    return Clients.of(clients)


def _distances(database: Rows) -> Distances:
    distances: dict[Pair, dict[str, float]] = {}
    for first, second, metric, value in database.execute("SELECT first, second, metric, value FROM distances"):
        distances.setdefault((first, second), {})[metric] = value
    return distances


def _comparisons(database: Rows) -> dict[Pair, Comparison]:
    rows = database.execute("SELECT first, second, cosine, times, weight FROM comparisons")
    return {(first, second): Comparison(*seen) for first, second, *seen in rows}


def _own_shares(database: Rows) -> dict[Speaker, OwnShare]:
    rows = database.execute("SELECT language, device, share, disagreement FROM own_shares")
    return {(language, device): OwnShare(share, disagreement) for language, device, share, disagreement in rows}


def _directions(database: Rows) -> dict[LanguageCode, Array]:
    rows = database.execute("SELECT language, vector FROM directions")
    return {language: np.frombuffer(vector, np.float32) for language, vector in rows}


def _moments(database: Rows, plan: Aggregation) -> dict[LanguageCode, Array]:
    rows = database.execute("SELECT language, vectors FROM moments")
    return {language: np.frombuffer(vectors, np.float32).reshape(moment_count(plan), -1) for language, vectors in rows}
