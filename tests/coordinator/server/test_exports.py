"""Prompts of a federation for other programs, and the card beside them."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from mfpt_coord.commands.app import app
from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.server.data_folder import DATABASE_FILE
from mfpt_coord.server.exports import export_prompts
from mfpt_coord.server.store import SqliteStore
from mfpt_shared.errors import UsageError
from mfpt_shared.tensors import dense, virtual_tokens
from support.history import LANGUAGES, History, Shelf

SWAHILI = LANGUAGES[0]


def lived(folder: Path) -> History:
    folder.mkdir()
    path = folder / DATABASE_FILE
    history = History(Shelf(path, SqliteStore(path), sqlite3.IntegrityError), seed=3)
    history.happen(60)
    return history


def test_the_newest_prompts_are_what_devices_get_and_the_card_says_what_they_are(tmp_path: Path) -> None:
    history = lived(tmp_path / "data")
    state = history.state
    command = ["export", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data"), "--json"]
    printed = CliRunner().invoke(app, command)
    history.shelf.store.close()
    said = json.loads(printed.stdout)
    assert (said["version"], set(said["languages"])) == (state.version, set(state.prompts))
    published = dense(newest_prompt(state, SWAHILI).state)
    written = tmp_path / "out" / SWAHILI
    (tokens,) = load_file(written / "adapter_model.safetensors").values()
    np.testing.assert_array_equal(tokens, virtual_tokens(published))
    np.testing.assert_array_equal(load_file(written / "head.safetensors")["weight"], published["head.weight"])
    settings = json.loads((written / "adapter_config.json").read_text(encoding="utf-8"))
    assert (settings["peft_type"], settings["num_virtual_tokens"]) == ("LATE_PROMPT", state.plan.prompt.tokens)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"Version {state.version}" in card
    assert f"| `{SWAHILI}` | {state.contributed[SWAHILI]} |" in card
    assert state.plan.digest in card
    assert "licence" in card
    assert not list((tmp_path / "out").rglob("*.tmp*"))


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path: Path) -> None:
    history = lived(tmp_path / "data")
    history.shelf.store.close()
    for _ in range(2):
        assert export_prompts(history.state, tmp_path / "out", SWAHILI) == [SWAHILI]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "README.md").write_text("# Years of work\n", encoding="utf-8")
    with pytest.raises(UsageError, match="something else"):
        export_prompts(history.state, tmp_path / "thesis")
    assert [one.name for one in (tmp_path / "thesis").iterdir()] == ["README.md"]
