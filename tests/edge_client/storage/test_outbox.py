"""The outbox: updates on disk, whole or not at all, until the coordinator has them."""

from pathlib import Path

import pytest

from mfpt_edge.storage.outbox import Outbox


def test_a_new_outbox_is_empty(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "some" / "where")
    assert outbox.sequences() == ()
    assert outbox.last_sequence == 0


def test_an_update_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    assert outbox.payload(1) == b"one"
    assert outbox.sequences() == (1,)
    outbox.forget(1)
    assert outbox.sequences() == ()
    with pytest.raises(FileNotFoundError):
        outbox.payload(1)


def test_updates_are_there_after_a_restart(tmp_path: Path) -> None:
    Outbox(tmp_path).put(3, b"three")
    again = Outbox(tmp_path)
    assert again.sequences() == (3,)
    assert again.payload(3) == b"three"


def test_updates_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for sequence in (10, 9, 100, 1, 12345678901):
        outbox.put(sequence, b"")
    assert outbox.sequences() == (1, 9, 10, 100, 12345678901)


def test_forgetting_one_leaves_the_others(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    outbox.put(2, b"two")
    outbox.forget(1)
    assert outbox.sequences() == (2,)
    assert outbox.payload(2) == b"two"


def test_forgetting_twice_or_what_never_was_is_no_error(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    outbox.forget(1)
    outbox.forget(1)
    outbox.forget(7)
    assert outbox.sequences() == ()
    assert outbox.last_sequence == 1


def test_no_number_is_used_twice_though_all_updates_are_gone(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for sequence in (1, 2, 3):
        outbox.put(sequence, b"")
    # The coordinator's answers need not come in order.
    for sequence in (3, 1, 2):
        outbox.forget(sequence)
        assert Outbox(tmp_path).last_sequence == 3


def test_forgotten_updates_do_not_pile_up(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for sequence in range(1, 20):
        outbox.put(sequence, b"x" * 100)
        outbox.forget(sequence)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_finished_write_leaves_no_part_behind(tmp_path: Path) -> None:
    Outbox(tmp_path).put(1, b"one")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"one"]


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "old.update").write_text("mine too")
    outbox = Outbox(tmp_path)
    assert outbox.sequences() == ()
    outbox.put(1, b"one")
    outbox.forget(1)
    assert {"notes.txt", "old.update"} <= {path.name for path in tmp_path.iterdir()}


def test_a_forgotten_update_leaves_its_number_and_nothing_of_its_content(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"an update")
    outbox.forget(1)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b""]
    assert Outbox(tmp_path).last_sequence == 1


def test_what_an_older_version_kept_of_a_forgotten_update_is_emptied(tmp_path: Path) -> None:
    done = tmp_path / "0000000007.done"
    done.write_bytes(b"a whole update")
    assert Outbox(tmp_path).last_sequence == 7
    assert done.read_bytes() == b""


def test_to_look_into_an_outbox_makes_no_folder(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    assert (outbox.sequences(), outbox.last_sequence) == ((), 0)
    assert not (tmp_path / "outbox").exists()
    outbox.put(1, b"one")
    assert outbox.payload(1) == b"one"


def test_that_an_update_left_under_masks_is_known_after_a_restart(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    outbox.put(2, b"two")
    outbox.note_sent(1)
    again = Outbox(tmp_path)
    assert [again.was_sent(sequence) for sequence in (1, 2)] == [True, False]
    assert again.sequences() == (1, 2)


def test_an_update_is_gone_once_a_later_one_carries_it_though_the_process_was_killed_in_between(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    outbox.note_sent(1)
    outbox.note_carried((1,), by=2)
    outbox.put(2, b"two, and one")
    again = Outbox(tmp_path)
    assert again.sequences() == (2,)
    assert not again.was_sent(2)


def test_an_update_is_still_there_where_the_one_that_was_to_carry_it_never_was(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    outbox.note_sent(1)
    outbox.note_carried((1,), by=2)
    assert Outbox(tmp_path).sequences() == (1,)
    # The next run gives the same number to an update that carries nothing.
    Outbox(tmp_path).put(2, b"two")
    again = Outbox(tmp_path)
    assert again.sequences() == (1, 2)
    assert again.was_sent(1)


def test_a_number_that_no_update_was_given_is_not_known_as_sent(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(1, b"one")
    outbox.note_sent(7)
    assert not Outbox(tmp_path).was_sent(7)


def test_notes_about_forgotten_updates_do_not_pile_up(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for sequence in range(1, 20):
        outbox.put(sequence, b"x")
        outbox.note_sent(sequence)
        outbox.forget(sequence)
    assert len(list(tmp_path.iterdir())) == 2
