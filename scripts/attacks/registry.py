"""All attacks, in the order in which they are made; a new kind adds its tuple here."""

from typing import Final

from attacks.attack import Attack
from attacks.fold_attacks import FOLD_ATTACKS

ATTACKS: Final[tuple[Attack, ...]] = FOLD_ATTACKS
