"""A folder in which `mfpt-coord languages` runs, with a stand-in for URIEL+, which takes seconds to start."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from mfpt_coord.commands.app import app
from support.programs import run

DISTANCES = "first,second,distance\nswh,zul,0.2\nswh,yor,0.8\nzul,yor,0.8\n"
# It knows four languages, and Swahili and Amharic share no phonological feature. It records what it is asked.
URIEL = """
import os
class URIELPlus:
    langs = [["swh", "zul", "yor", "amh"]]
    def map_new_distance_to_loaded_features(self, metric):
        return 0
    def new_distance(self, metric, languages):
        with open(os.environ["ASKED"], "a") as asked:
            asked.write(f"{metric} {' '.join(languages)}\\n")
        if metric == "phonological" and languages == ["amh", "swh"]:
            raise ValueError("No shared phonological features")
        return 0.25 if languages == ["swh", "zul"] else 0.75
"""


class Desk:
    """A folder to run commands in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self.uriel(URIEL)

    def uriel(self, source: str) -> None:
        """Replace the module that is found in place of URIEL+."""
        package = self.folder / "path" / "urielplus"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "urielplus.py").write_text(source, encoding="utf-8")

    @property
    def asked(self) -> list[str]:
        """Everything that URIEL+ was asked so far."""
        file = self.folder / "asked"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    @property
    def _variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.folder / "path"), os.environ.get("PYTHONPATH", "")])
        return {"PYTHONPATH": path, "MFPT_CACHE": str(self.cache), "ASKED": str(self.folder / "asked")}

    def run(self, *arguments: str, extra: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return run(self.folder / "home", "mfpt_coord", "languages", *arguments, extra=self._variables | (extra or {}))

    def table(self, *arguments: str) -> dict[str, Any]:
        """Return what the command prints as JSON; it runs in this process, which is faster."""
        result = CliRunner().invoke(app, ["languages", *arguments, "--json"], env=self._variables)
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert isinstance(found, dict)
        return found

    def file(self, text: str) -> str:
        path = self.folder / "distances.csv"
        path.write_text(text, encoding="utf-8")
        return str(path)
