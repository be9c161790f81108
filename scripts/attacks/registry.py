"""All attacks, in the order in which they are made; a new kind adds its tuple here."""

from typing import Final

from attacks.attack import Attack
from attacks.broker_attacks import BROKER_ATTACKS
from attacks.exposure import EXPOSURE
from attacks.floods import FLOODS
from attacks.fold_attacks import FOLD_ATTACKS
from attacks.forgeries import FORGERIES
from attacks.intake_attacks import INTAKE_ATTACKS
from attacks.network_attack import NetworkAttack
from attacks.plan_attacks import PLAN_ATTACKS

NETWORK_ATTACKS: Final[tuple[NetworkAttack, ...]] = (
    *(*BROKER_ATTACKS, *FORGERIES, *INTAKE_ATTACKS),
    *(*FLOODS, *PLAN_ATTACKS, *EXPOSURE),
)
ATTACKS: Final[tuple[NetworkAttack | Attack, ...]] = (*NETWORK_ATTACKS, *FOLD_ATTACKS)
