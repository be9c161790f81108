"""A coordinator and two devices on Windows, under Wine."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from support.windows import Program, Windows, processes_with, windows_path

LANGUAGES: Final = ("yo", "am")
DATA: Final = "coordinator"
_SMALL: Final = ("--examples", "12", "--threads", "1", "--no-alone", "--leave-after", "0")


@dataclass
class Federation:
    """A coordinator that runs, and what devices of it have reported.

    Attributes:
        windows: Where it runs.
        coordinator: The coordinator's process.
        broker: Address of its broker.
        results: What each device's `join --json` has printed, by language.
    """

    windows: Windows
    coordinator: Program
    broker: str
    results: dict[str, dict[str, Any]]

    @property
    def broker_runs(self) -> bool:
        """Whether the embedded broker's process is there."""
        return bool(processes_with(windows_path(self.windows.home / DATA / "broker")))

    def joining(self, language: str, *options: str) -> Program:
        """Start a device."""
        return self.windows.start("mfpt_edge", "join", "--lang", language, "--broker", self.broker, *_SMALL, *options)

    def restart(self) -> None:
        """Start the coordinator again, on the same data."""
        self.coordinator, self.broker = serving(self.windows)


def serving(windows: Windows) -> tuple[Program, str]:
    """Start a coordinator, and return it with its broker's address once that listens."""
    coordinator = windows.start("mfpt_coord", "serve", "--data-dir", DATA, "--listen", "127.0.0.1:0")
    found = re.search(r"mqtt://\S+", coordinator.line_with("listening:"))
    assert found is not None
    return coordinator, found[0]


def federation(windows: Windows) -> Federation:
    """Start a coordinator, and let two devices make a round at the same time."""
    coordinator, broker = serving(windows)
    made = Federation(windows, coordinator, broker, {})
    joined = {language: made.joining(language, "--rounds", "1", "--json") for language in LANGUAGES}
    for language, device in joined.items():
        ended = device.end()
        assert ended.code == 0, ended.err
        made.results[language] = json.loads(ended.out)
    return made
