"""What happens when a person or the system asks a program to end: Ctrl-C (SIGINT) and SIGTERM.

Both interrupt what runs, in the same way: a `KeyboardInterrupt` where no event loop runs, and otherwise the task that
`asyncio.run` was given is cancelled. So everything is closed in order. They differ in what they mean to whoever asked:
a person has interrupted something, the system has stopped a service.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mfpt_shared.errors import Interrupted, Terminated
from mfpt_shared.system.signals import asked_to_end


@contextmanager
def sigterm_interrupts() -> Iterator[Callable[[], bool]]:
    """Let SIGTERM do what Ctrl-C does until the context ends; the value tells whether it has come.

    Only the main thread of a program can say so; in any other one, nothing changes.
    """
    has_come = False

    def interrupt() -> None:
        nonlocal has_come
        has_come = True
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in the background ignores Ctrl-C alone
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    with asked_to_end(interrupt):
        yield lambda: has_come


@contextmanager
def stopped_on_request(afterwards: str) -> Iterator[None]:
    """Run something that goes on until it is asked to end.

    Args:
        afterwards: What a person is told besides, such as how to go on.

    Raises:
        Interrupted: Somebody pressed Ctrl-C.
        Terminated: The system asked the process to end (SIGTERM).
    """
    with sigterm_interrupts() as terminated:
        try:
            yield
        except KeyboardInterrupt:
            if terminated():
                raise Terminated(f"stopped; {afterwards}") from None
            raise Interrupted(f"interrupted; {afterwards}") from None
