"""Durable effects of the core, as rows of the coordinator's database."""

import json
from typing import Final

import msgspec

from mfpt_coord.core.client import Client
from mfpt_coord.core.effects import (
    Durable,
    ForgetDevices,
    SaveClient,
    SaveCounts,
    SaveDeed,
    SaveDistances,
    SaveEnrolment,
    SaveFold,
    SaveInvitation,
    SavePlan,
    SavePrompt,
    SaveRollback,
    SaveSum,
    SaveUpdate,
)
from mfpt_coord.core.state import Contribution, State
from mfpt_coord.server.stored_admission import save_enrolment, save_invitation
from mfpt_coord.server.stored_audit import save_deed
from mfpt_coord.server.stored_forgetting import forget_devices
from mfpt_coord.server.stored_rows import Rows, upsert
from mfpt_coord.server.stored_versions import save_prompt, save_version
from mfpt_shared.masking.cohort import Codes
from mfpt_shared.plan import plan_to_json
from mfpt_shared.protocol.bodies import write_values

_META: Final = upsert("meta", ("key", "value"))
_CLIENT: Final = upsert(
    "clients",
    (
        *("id", "language", "examples", "sequence", "contributed", "seconds", "accuracy", "device", "last_seen"),
        *("session", "announced", "grants"),
    ),
)
_DISTANCE: Final = upsert("distances", ("first", "second", "metric", "value"), keys=3)
_UPDATE: Final = """
INSERT INTO updates
    (client, sequence, language, base_version, staleness, examples, received, sha256, payload, cohort)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def create(rows: Rows, state: State, coordinator: str) -> None:
    """Write a new federation: its plan, the coordinator's id, and the first prompts."""
    put_meta(rows, "plan", plan_to_json(state.plan))
    put_meta(rows, "coordinator", coordinator.encode())
    for language, vector in state.prompts.items():
        save_prompt(rows, language, state.version, vector)


def put_meta(rows: Rows, key: str, value: bytes) -> None:
    """Write a value that a database holds once."""
    rows.execute(_META, (key, value))


def save(rows: Rows, effect: Durable) -> None:
    """Write an effect, in the transaction that is open. What a fold makes superfluous is removed elsewhere."""
    match effect:
        case SaveUpdate(update, payload):
            _save_update(rows, update, payload)
        case SaveSum(contribution, total):
            _save_sum(rows, contribution, total)
        case SaveClient(client):
            _save_client(rows, client)
        case SavePrompt(language, version, vector):
            save_prompt(rows, language, version, vector)
        case SaveFold() | SaveRollback():
            save_version(rows, effect)
        case SavePlan(plan, former, keeps_moments):
            put_meta(rows, "plan", plan_to_json(plan))
            put_meta(rows, "former", json.dumps(list(former)).encode())
            if not keeps_moments:
                rows.execute("DELETE FROM moments")
        case SaveCounts(counts):
            put_meta(rows, "counts", msgspec.json.encode(counts))
        case SaveInvitation() | SaveEnrolment() | SaveDeed() | ForgetDevices():
            _save_about_people(rows, effect)
        case SaveDistances(distances):
            found = [(*pair, metric, value) for pair, known in distances.items() for metric, value in known.items()]
            rows.executemany(_DISTANCE, found)


def _save_about_people(rows: Rows, effect: SaveInvitation | SaveEnrolment | SaveDeed | ForgetDevices) -> None:
    match effect:
        case SaveInvitation(invitation):
            save_invitation(rows, invitation)
        case SaveEnrolment(enrolment):
            save_enrolment(rows, enrolment)
        case SaveDeed(deed):
            save_deed(rows, deed)
        case ForgetDevices(clients):
            forget_devices(rows, clients)


def holds(rows: Rows, client: str, sequence: int, digest: bytes) -> bool:
    """Tell whether the update with this digest is written as this one of this device."""
    query = "SELECT 1 FROM updates WHERE client = ? AND sequence = ? AND sha256 = ?"
    return rows.execute(query, (client, sequence, digest)).fetchone() is not None


def _save_update(rows: Rows, update: Contribution, payload: bytes) -> None:
    header = update.header
    values = (
        *(update.client, header.sequence, update.language, header.base_version),
        *(update.staleness, header.examples, update.at, update.digest, payload, None),
    )
    rows.execute(_UPDATE, values)


def _save_sum(rows: Rows, contribution: Contribution, total: Codes) -> None:
    cohort, at = contribution.client, contribution.at
    rows.execute("INSERT INTO cohorts (id, at, sum) VALUES (?, ?, ?)", (cohort, at, write_values(total)))
    rows.executemany(
        _UPDATE,
        [
            (
                *(one.client, one.sequence, one.language, one.base_version),
                *(one.staleness, one.examples, at, one.digest, None, cohort),
            )
            for one in contribution.survivors
        ],
    )


def _save_client(rows: Rows, client: Client) -> None:
    values = (
        *(client.id, client.language, client.examples, client.sequence, client.contributed),
        *(client.seconds, client.accuracy, client.device, client.last_seen),
        *(client.session, client.announced, json.dumps(client.grants)),
    )
    rows.execute(_CLIENT, values)
