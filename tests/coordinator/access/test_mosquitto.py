"""The files from which Mosquitto knows its accounts."""

from pathlib import Path

import pytest

from mfpt_coord.access.accounts import Account
from mfpt_coord.access.mosquitto import MosquittoFiles
from mfpt_shared.errors import UsageError
from mfpt_shared.keys import digest


def account(user: str) -> Account:
    return Account(user, "device", digest("secret"))


def test_a_withdrawn_user_is_in_neither_file_and_the_others_stay(tmp_path: Path) -> None:
    files = MosquittoFiles(tmp_path, "test")
    files.allow(account("one"), "secret")
    kept = [(tmp_path / name).read_text(encoding="utf-8") for name in ("passwords", "acl")]
    files.allow(account("two"), "secret")

    MosquittoFiles(tmp_path, "test").withdraw("two")

    assert [(tmp_path / name).read_text(encoding="utf-8") for name in ("passwords", "acl")] == kept


def test_both_files_are_private(tmp_path: Path) -> None:
    MosquittoFiles(tmp_path, "test").allow(account("one"), "secret")

    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("passwords", "acl")} == {0o600}


def test_a_line_that_a_crash_cut_short_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("half:$7$1", encoding="utf-8")

    MosquittoFiles(tmp_path, "test").allow(account("one"), "secret")

    assert (tmp_path / "passwords").read_text(encoding="utf-8").startswith("one:$7$101$")


@pytest.mark.parametrize("user", ["a\ntopic readwrite #", "a:b", "", "coord"])
def test_a_user_whose_name_would_add_rights_is_refused(tmp_path: Path, user: str) -> None:
    with pytest.raises(UsageError):
        MosquittoFiles(tmp_path, "test").allow(account(user), "secret")

    assert not (tmp_path / "acl").exists()


def test_an_account_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    """Whoever asks to be admitted again and again must not keep the disk and Mosquitto busy."""
    files = MosquittoFiles(tmp_path, "test")
    files.allow(account("one"), "secret")
    before = (tmp_path / "passwords").read_bytes()
    files.allow(account("one"), "secret")
    assert (tmp_path / "passwords").read_bytes() == before
    files.allow(account("one"), "another")
    assert (tmp_path / "passwords").read_bytes() != before
