"""An attack over the network, and how a row of them is made."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from attacks.attack import Result
from attacks.target import Target, target
from mfpt_shared.errors import MfptError

Harm = str | None
"""What an attack has achieved, in a few words; None: nothing."""


@dataclass(frozen=True, slots=True)
class NetworkAttack:
    """An attack over the network.

    Attributes:
        name: Name on the command line and in the results.
        about: Description in a few words.
        make: Makes the attack. That the federation still works afterwards is looked at by whoever calls it.
    """

    name: str
    about: str
    make: Callable[[Target], Awaitable[Harm]]

    async def run(self, on: Target) -> Result:
        """Make the attack, and see whether the federation goes on making versions."""
        try:
            harm = await self.make(on)
        except MfptError as error:  # what everybody may do does not work any more
            harm = str(error)
        if harm is None and not await on.makes_versions():
            harm = "the federation makes no versions any more"
        return Result(refused=harm is None, note=harm or "")


async def made(attacks: Sequence[NetworkAttack]) -> AsyncIterator[tuple[NetworkAttack, Result]]:
    """Make attacks one after the other on one federation; on a fresh one after each that succeeds."""
    left = list(attacks)
    while left:
        async with target() as on:
            while left:
                attack = left.pop(0)
                print(f"attack: {attack.name}", file=sys.stderr)
                result = await attack.run(on)
                yield attack, result
                if not result.refused:
                    break
