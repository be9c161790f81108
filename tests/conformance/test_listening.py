"""What the second client believes: its own coordinator, and nothing that it has heard before."""

from pathlib import Path
from typing import Any

import pytest

from conformance.v2.folder import Folder
from conformance.v2.listening import Listener
from mfpt_shared.keys import SigningKey
from mfpt_shared.protocol.seal import seal

TOPIC = "mfpt/v1/f/plan"


def assignment(session: int, ready: int, turn: int, epoch: int = 1) -> dict[str, Any]:
    return {"type": "assign", "epoch": epoch, "version": 0, "session": session, "ready": ready, "turn": turn}


def test_the_first_key_counts_without_an_invitation(tmp_path: Path) -> None:
    listener, first, second = Listener(Folder(tmp_path)), SigningKey.generate(), SigningKey.generate()
    assert listener.content(TOPIC, seal(TOPIC, b"{}", first)) == b"{}"
    assert listener.content(TOPIC, seal(TOPIC, b"{}", first)) == b"{}"
    with pytest.raises(ValueError, match="not signed by the coordinator"):
        listener.content(TOPIC, seal(TOPIC, b"{}", second))


def test_the_pinned_key_alone_counts_with_an_invitation(tmp_path: Path) -> None:
    pinned = SigningKey.generate()
    Folder(tmp_path).keep_membership(pinned.public, "own")
    listener = Listener(Folder(tmp_path))
    with pytest.raises(ValueError, match="not signed by the coordinator"):
        listener.content(TOPIC, seal(TOPIC, b"{}", SigningKey.generate()))
    assert listener.content(TOPIC, seal(TOPIC, b"{}", pinned)) == b"{}"


def test_an_earlier_epoch_is_refused_also_by_the_next_session(tmp_path: Path) -> None:
    Folder(tmp_path).keep_membership(SigningKey.generate().public, "own")
    Listener(Folder(tmp_path)).check_order({"epoch": 5, "version": 0})
    with pytest.raises(ValueError, match="earlier epoch"):
        Listener(Folder(tmp_path)).check_order({"epoch": 4, "version": 9})


def test_a_lower_version_counts_in_a_higher_epoch_alone(tmp_path: Path) -> None:
    listener = Listener(Folder(tmp_path))
    listener.check_prompt({"epoch": 1, "version": 8})
    with pytest.raises(ValueError, match="an earlier prompt"):
        listener.check_prompt({"epoch": 1, "version": 7})
    listener.check_prompt({"epoch": 2, "version": 7})


def test_an_assignment_answers_the_last_announcement_and_counts_once(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    listener = Listener(folder)
    listener.announced(3)
    with pytest.raises(ValueError, match="an earlier ready"):
        listener.check_order(assignment(folder.session, 2, 1))
    with pytest.raises(ValueError, match="an earlier ready"):
        listener.check_order(assignment(folder.session - 1, 3, 1))
    listener.check_order(assignment(folder.session, 3, 1))
    with pytest.raises(ValueError, match="came before"):
        listener.check_order(assignment(folder.session, 3, 1))
    listener.check_order(assignment(folder.session, 3, 2))


def test_a_session_is_never_used_twice(tmp_path: Path) -> None:
    assert [Folder(tmp_path).session for _ in range(3)] == [1, 2, 3]
