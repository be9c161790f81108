"""Ctrl-C and SIGTERM end what runs alike, and are told apart."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mfpt_shared.errors import Interrupted, Terminated
from mfpt_shared.stopping import sigterm_interrupts, stopped_on_request


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (signal.SIGINT, Interrupted, "interrupted; go on"),
        (signal.SIGTERM, Terminated, "stopped; go on"),
    ],
)
def test_a_signal_ends_what_runs_and_is_told_apart(
    number: signal.Signals, kind: type[Interrupted], message: str
) -> None:
    with pytest.raises(Interrupted) as ended, stopped_on_request("go on"):
        signal.raise_signal(number)
    assert (type(ended.value), str(ended.value)) == (kind, message)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_what_an_event_loop_runs_which_closes_in_order(number: signal.Signals) -> None:
    closed = []

    async def serve() -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, number)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            closed.append("in order")

    with pytest.raises(Interrupted), stopped_on_request("go on"):
        asyncio.run(serve())
    assert closed == ["in order"]


@contextmanager
def ctrl_c_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_sigterm_ends_a_job_in_the_background_of_a_shell_which_ignores_ctrl_c() -> None:
    with ctrl_c_ignored(), stopped_on_request("go on"):
        signal.raise_signal(signal.SIGINT)
    with ctrl_c_ignored(), pytest.raises(Terminated), stopped_on_request("go on"):
        signal.raise_signal(signal.SIGTERM)


def test_what_sigterm_did_before_it_does_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_interrupts():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_error_is_no_request_to_end() -> None:
    with pytest.raises(ValueError, match="broken"), stopped_on_request("go on"):
        raise ValueError("broken")


def test_a_thread_that_is_not_the_main_one_changes_nothing() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def run() -> None:
        with sigterm_interrupts() as has_come:
            seen.append((signal.getsignal(signal.SIGTERM), has_come()))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
