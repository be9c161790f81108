"""Attacks federations, and shows what became of it.

First over the network: a coordinator on loopback with two honest devices. An attack is refused if it changes nothing,
and versions go on being made. Then thirty devices, ten of which collude, in virtual time and with real training: ten
languages, three devices each. There the honest devices alone are the baseline.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich import box
from rich.table import Table
from rich.text import Text

import command_line
from attacks.attack import Attack, Ground, Result
from attacks.fold_attacks import baseline
from attacks.network_attack import NetworkAttack, made
from attacks.registry import ATTACKS
from machine import cores
from mfpt_coord.languages.distances import USUAL_METRICS, find
from mfpt_coord.presets import preset_plan
from mfpt_coord.simulate.bench import Bench, open_laboratory
from mfpt_coord.simulate.experiment import Experiment
from mfpt_shared.errors import MfptError, UsageError
from mfpt_shared.folders import cache_home
from mfpt_shared.languages import normalise
from mfpt_shared.terminal import PlainConsole

AFRICAN: Final = "amh,hau,ibo,kin,lug,som,swh,xho,yor,zul"
# The embedded data has too few names in Kinyarwanda.
EMBEDDED: Final = AFRICAN.replace("kin", "run")
DEVICES: Final = 3
EXAMPLES: Final = 23
ROUNDS: Final = 3
QUICK_ROUNDS: Final = 2
QUICK_LANGUAGES: Final = 4


Found = list[tuple[NetworkAttack | Attack, Result]]


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(level=logging.ERROR)  # the honest devices warn of what they refuse
    chosen = [attack for attack in ATTACKS if not arguments.attack or attack.name in arguments.attack]
    on_folds = [attack for attack in chosen if isinstance(attack, Attack)]
    try:
        ground = _ground(arguments) if on_folds else None
        found = asyncio.run(_made([attack for attack in chosen if isinstance(attack, NetworkAttack)]))
        alone = None
        if ground is not None:
            alone = baseline(ground)
            found += _learnt(on_folds, ground, alone)
    except MfptError as error:
        print(f"attack: {error}", file=sys.stderr)
        return error.exit_code
    print(as_json(found, alone)) if arguments.json else show(found, alone)
    return 0


async def _made(attacks: Sequence[NetworkAttack]) -> Found:
    return [one async for one in made(attacks)]


def _learnt(attacks: Sequence[Attack], ground: Ground, alone: float) -> Found:
    found: Found = []
    for attack in attacks:
        print(f"attack: {attack.name}", file=sys.stderr)
        found.append((attack, attack.run(ground, alone)))
    return found


def as_json(found: Found, alone: float | None) -> str:
    """Return the results as JSON."""
    attacks = [{"name": attack.name, **msgspec.to_builtins(result)} for attack, result in found]
    return msgspec.json.encode({"attacks": attacks, "baseline_accuracy": alone}).decode()


def show(found: Found, alone: float | None) -> None:
    """Print the results as tables: attacks over the network, and attacks on what is learnt."""
    network = _table()
    learnt = _table("honest accuracy", "with personal prompts")
    if alone is not None:
        learnt.add_row("none", "the honest devices alone", "", _percent(alone), "")
    for attack, result in found:
        outcome = Text("refused" if result.refused else f"SUCCEEDED {result.note}".rstrip())
        if isinstance(attack, NetworkAttack):
            network.add_row(attack.name, attack.about, outcome)
        else:
            accuracies = _percent(result.honest_accuracy), _percent(result.used_accuracy)
            learnt.add_row(attack.name, attack.about, outcome, *accuracies)
    for table in (network, learnt):
        if table.rows:
            PlainConsole().print(table)


def _table(*more: str) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("attack", no_wrap=True)
    for name in ("what it is", "result", *more):
        table.add_column(name)
    return table


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _ground(arguments: argparse.Namespace) -> Ground:
    tags = (EMBEDDED if arguments.data == "cldr" else AFRICAN).split(",")[
        : QUICK_LANGUAGES if arguments.quick else None
    ]
    languages = tuple(map(normalise, tags))
    plan = preset_plan("cldr" if arguments.data == "cldr" else "sib200")
    data = arguments.data if arguments.data == "cldr" else str(command_line.called_from() / arguments.data)
    if data != "cldr" and not Path(data).is_dir():
        raise UsageError(f"--data {data}: no such folder; give one with a folder for each language, or cldr")
    distances = asyncio.run(find(languages, USUAL_METRICS, {}))
    experiments = tuple(
        Experiment(
            plan=plan,
            method="mfpt",
            languages=languages,
            examples=DEVICES * EXAMPLES,
            rounds=arguments.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS),
            seed=seed,
            devices=DEVICES,
        )
        for seed in range(1 if arguments.quick else arguments.seeds)
    )
    laboratory = open_laboratory(plan, Bench(data, distances, cache_home(), threads=cores()))
    return Ground(experiments, laboratory, distances)


def _arguments() -> argparse.Namespace:
    width = max(len(attack.name) for attack in ATTACKS) + 2
    attacks = "\n".join(f"  {attack.name:<{width}}{attack.about}" for attack in ATTACKS)
    parser = command_line.parser("attack", f"{__doc__}\nattacks:\n{attacks}", "--data DIR --seeds 3")
    parser.add_argument("--data", default="cldr", help="folder with a folder for each language (SIB-200), or cldr")
    parser.add_argument(
        "--attack", action="append", metavar="NAME", choices=[one.name for one in ATTACKS], help="only this one; repeat"
    )
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds (default 1)")
    parser.add_argument("--rounds", type=int, help=f"rounds of each device (default {ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="learn with four languages, two rounds, one seed")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
