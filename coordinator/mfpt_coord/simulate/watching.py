"""Waits for experiments that run elsewhere."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Final

from mfpt_coord.simulate.experiment import OnProgress, Outcome

OnOutcome = Callable[[int, Outcome], None]
"""Called with an experiment's place in the list, and its outcome."""

_LOOK_SECONDS: Final = 0.5


def watch(futures: Sequence["Future[Outcome]"], on_look: OnProgress, on_outcome: OnOutcome) -> None:
    """Wait until all are done or one has failed.

    Args:
        futures: Experiments at work.
        on_look: Called now and then with the share of them that is done.
        on_outcome: Called as soon as an experiment is done, whatever happens to the others.

    Raises:
        MfptError: The error of the first experiment that failed.
    """
    waiting = {future: place for place, future in enumerate(futures)}
    while waiting:
        done, _ = wait(waiting, _LOOK_SECONDS, FIRST_COMPLETED)
        failed = [future for future in done if future.exception() is not None]
        for future in done.difference(failed):
            on_outcome(waiting.pop(future), future.result())
        on_look(1 - len(waiting) / len(futures))
        if failed:
            failed[0].result()
