"""The tokens in which nats-server asks who may connect, and is answered."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from mfpt_coord.access.nats_tokens import Login, account_name, allowed, permission, read_login, refused, subjects
from mfpt_coord.access.rights import rights
from mfpt_shared.errors import DecodeError
from mfpt_shared.keys import KEY_BYTES, PublicKey, SigningKey

LOGIN = Login("127.0.0.1", 7, "SERVER", "UKEY", "ann", "secret", "client", is_mqtt=True)
LEVEL = st.text(alphabet="abz09_-.", min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def token(claims: object) -> bytes:
    return b"e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=") + b".c2ln"


def question(**changes: Any) -> dict[str, Any]:
    return {
        "nats": {
            "user_nkey": "UKEY",
            "server_id": {"id": "SERVER", "name": "mfpt"},
            "client_info": {"host": "127.0.0.1", "id": 7, "type": "mqtt", "mqtt_id": "client"},
            "connect_opts": {"user": "ann", "pass": "secret"},
            **changes,
        }
    }


def claims_of(answer: bytes) -> dict[str, Any]:
    body = answer.split(b".")[1]
    read = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    assert isinstance(read, dict)
    return read


def test_a_question_says_who_wants_to_connect() -> None:
    assert read_login(token(question())) == LOGIN


def test_whoever_gives_no_name_has_an_empty_one() -> None:
    login = read_login(token(question(connect_opts={})))

    assert (login.user, login.password) == ("", "")


@pytest.mark.parametrize("kind", ["nats", "websocket", "", "MQTT"])
def test_what_speaks_another_protocol_is_told_apart(kind: str) -> None:
    assert not read_login(token(question(client_info={"type": kind}))).is_mqtt


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"..",
        b"a.b",
        b"e30.e30.e30",
        token([]),
        token({"nats": None}),
        token(question(user_nkey=None)),
        token(question(client_info={"id": -(2**80)})),
        b"e30." + base64.urlsafe_b64encode(b"[" * 40_000) + b".",
        b"e30." + base64.urlsafe_b64encode(b'{"nats": {"deep": ' + b"[" * 40_000) + b".",
        b"e30." + base64.urlsafe_b64encode(b"\xff\xfe") + b".",
        b"e30.\xff\xff\xff.",
        b"." * 100_000,
    ],
)
def test_a_hostile_question_is_a_decode_error(hostile: bytes) -> None:
    with pytest.raises(DecodeError):
        read_login(hostile)


@given(st.binary(max_size=200) | JSON.map(token) | JSON.map(lambda value: token(question(connect_opts=value))))
def test_whatever_is_asked_is_a_login_or_a_decode_error(asked: bytes) -> None:
    try:
        login = read_login(asked)
    except DecodeError:
        return
    assert login.user.encode() is not None  # what is hashed can be


def test_an_answer_is_signed_by_the_account_for_the_server_and_the_connection_that_asked() -> None:
    key = SigningKey.generate()

    answer = allowed(LOGIN, rights("device", "f", "ann"), key, now=5)

    signed, _, signature = answer.rpartition(b".")
    Ed25519PublicKey.from_public_bytes(key.public).verify(base64.urlsafe_b64decode(signature + b"=="), signed)
    claims = claims_of(answer)
    assert (claims["iss"], claims["aud"], claims["sub"]) == (account_name(key.public), "SERVER", "UKEY")


def test_whoever_is_let_in_may_use_the_subjects_of_his_role_over_mqtt_and_nothing_else() -> None:
    answer = claims_of(allowed(LOGIN, rights("device", "f", "ann"), SigningKey.generate(), now=5))

    user = claims_of(answer["nats"]["jwt"].encode())["nats"]
    assert user["pub"] == {"allow": ["mfpt.v1.f.client.ann.up", "mfpt.v1.f.client.ann.state"]}
    assert user["sub"]["allow"][-1] == "mfpt.v1.f.client.ann.down"
    assert user["allowed_connection_types"] == ["MQTT", "MQTT_WS"]


def test_a_refusal_lets_nobody_in() -> None:
    answer = claims_of(refused(LOGIN, "wrong password", SigningKey.generate(), now=5))["nats"]

    assert answer["error"] == "wrong password"
    assert "jwt" not in answer


def test_a_role_that_publishes_nothing_is_denied_everything() -> None:
    assert permission(rights("monitor", "f", "").publish) == {"deny": [">"]}


def test_an_account_s_name_is_an_nkey() -> None:
    name = account_name(PublicKey(bytes(KEY_BYTES)))

    assert name.startswith("A")
    assert len(name) == 56


@pytest.mark.parametrize(
    ("topic_filter", "expected"),
    [
        ("mfpt/v1/f/plan", ["mfpt.v1.f.plan"]),
        ("mfpt/v1/f/prompt/+", ["mfpt.v1.f.prompt.*"]),
        ("mfpt/v1/f/coord/#", ["mfpt.v1.f.coord", "mfpt.v1.f.coord.>"]),
        ("a.b/c", ["a//b.c"]),
        ("#", [">"]),
    ],
)
def test_a_topic_filter_is_written_as_subjects(topic_filter: str, expected: list[str]) -> None:
    assert subjects(topic_filter) == expected


@given(st.lists(LEVEL, min_size=1, max_size=5))
def test_a_topic_without_wildcards_is_one_subject_without_wildcards(levels: list[str]) -> None:
    (subject,) = subjects("/".join(levels))

    assert subject.count(".") == len(levels) - 1
    assert not {"*", ">"} & set(subject)
