"""What the page shows of the devices on this machine."""

from pathlib import Path
from typing import Literal

import msgspec

from mfpt_edge.page.devices import Devices, KnownDevice
from mfpt_edge.page.owner import Question
from mfpt_edge.page.relay import asked
from mfpt_edge.page.runs import Run, Runs
from mfpt_edge.session.orders import ShowDevice
from mfpt_edge.storage.device_folder import PROMPT_FILE
from mfpt_edge.storage.examples_file import ExamplesFile, chosen
from mfpt_edge.storage.membership import read_membership
from mfpt_edge.storage.settings import Settings, read_settings
from mfpt_shared.errors import ConnectionFailed, MfptError, TimedOut
from mfpt_shared.web.answers import Problem

Running = Literal["no", "starting", "here", "elsewhere"]


class ShownDevice(msgspec.Struct, frozen=True, kw_only=True):
    """The device that the page is about.

    Attributes:
        at: What the page calls it.
        known: Who it is; None: it has not taken part yet.
        running: Whether it takes part, and whether in this process.
        report: What it says of itself; None: it does not run, or says nothing yet. See `DeviceReport`.
        settings: What its owner has set.
        can_predict: Whether it has a prompt, or can fetch one.
        file: The examples that its owner has given; None: none yet.
        question: What its owner is asked.
        problem: What its newest run in this process failed with.
        result: What came of that run. See `JoinResult` and `Enrolled`.
    """

    at: str
    known: KnownDevice | None
    running: Running
    report: msgspec.Raw | None
    settings: Settings
    can_predict: bool
    file: ExamplesFile | None
    question: Question | None = None
    problem: Problem | None = None
    result: object | None = None


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows.

    Attributes:
        devices: All devices that are known.
        device: The one that the page is about; None: it is about none.
    """

    devices: tuple[KnownDevice, ...]
    device: ShownDevice | None


async def state_of(devices: Devices, runs: Runs, at: str) -> PageState:
    """Return what the page shows of a device; an empty name is that of none.

    Raises:
        MfptError: What is in its state folder cannot be read.
    """
    known = devices.known()
    if not at:
        return PageState(devices=known, device=None)
    folder = devices.folder(at)
    run = runs.of(folder)
    report = await _report(folder)
    shown = ShownDevice(
        at=at,
        known=next((one for one in known if one.at == at), None),
        running=_running(report, run),
        report=report,
        settings=read_settings(folder),
        can_predict=_can_predict(folder),
        file=chosen(folder),
        question=run.owner.question if run else None,
        problem=_problem(run.problem) if run and run.problem else None,
        result=run.result if run else None,
    )
    return PageState(devices=known, device=shown)


def _can_predict(folder: Path) -> bool:
    """Tell whether there is a prompt, or will be one for whoever asks: a reader fetches it each time."""
    membership = read_membership(folder)
    return (folder / PROMPT_FILE).exists() or (membership is not None and membership.role == "reader")


async def _report(folder: Path) -> msgspec.Raw | None:
    try:
        return await asked(folder, ShowDevice())
    except (ConnectionFailed, TimedOut):
        return None


def _running(report: msgspec.Raw | None, run: Run | None) -> Running:
    here = run is not None and run.goes_on
    if report is None:
        return "starting" if here else "no"
    return "here" if here else "elsewhere"


def _problem(error: MfptError) -> Problem:
    return Problem(error=str(error), kind=type(error).__name__)
