"""Writes the newest prompts of a federation for other programs, with a card that says what they are."""

import time
from pathlib import Path
from typing import Final

from mfpt_coord.core.prompts import newest_prompt
from mfpt_coord.core.state import State
from mfpt_coord.core.status import accuracies
from mfpt_shared.adapters import write_adapter
from mfpt_shared.atomic import naming
from mfpt_shared.backbones.describe import parse_uri
from mfpt_shared.errors import Incompatible, UsageError
from mfpt_shared.languages import LanguageCode, named
from mfpt_shared.plan import Plan
from mfpt_shared.system.names import check_name, folder_name
from mfpt_shared.tensors import dense

CARD: Final = "README.md"
_TITLE: Final = "# Prompts of the federation "

_CARD: Final = """\
{title}{federation}

Version {version}, exported on {date}. Each folder is an adapter for PEFT, with a README that shows how it is used; all
need the same backbone.

| language | folder | training examples | accuracy on held-out examples |
|---|---|---|---|
{languages}

Examples are those behind all updates that the version holds, counted once for each update. The accuracy is what devices
have told of this version or earlier ones, weighted by their examples; "-" where none has told one, as for languages
that no device speaks.

## Plan

| | |
|---|---|
| plan | `{digest}` |
| task | {kind}{labels} |
| data | {data} |
| backbone | `{backbone}`, {layers} layers of width {width} |
| its fingerprint | `{fingerprint}` |
| prompt | {method}, {tokens} virtual tokens |
| clipping, least examples | {clip_norm:g}, {min_examples} |
| aggregation on the way, noise | {masks}, {noise} |

## Licence

The plan names no licence, and neither does this card: backbone and data have their own, and what was trained with them
may be bound by both. See to them before you pass these files on.
"""


def export_prompts(state: State, folder: Path, language: LanguageCode | None = None) -> list[LanguageCode]:
    """Write the newest prompt of each language, or of one, as an adapter for PEFT in a folder of its name, and a card.

    Args:
        state: The federation.
        folder: New or empty folder, or one of an earlier export.
        language: The language; None: all of them.

    Returns:
        The languages that were written, in order.

    Raises:
        UsageError: Something else is in the folder, or the language has no prompt.
        Incompatible: PEFT has no such prompts.
        MfptError: The folder cannot be written.
    """
    if language is not None and language not in state.prompts:
        raise UsageError(f"{named(language)} has no prompt in this federation; see mfpt-coord history")
    _check_head(state.plan)
    languages = sorted(state.prompts) if language is None else [language]
    with naming(folder):
        _check_folder(folder)
        for one in languages:
            write_adapter(state.plan, dense(newest_prompt(state, one).state), folder / folder_name(one))
        (folder / CARD).write_text(_card(state, languages), encoding="utf-8")
    return languages


def _check_folder(folder: Path) -> None:
    check_name(folder)
    if not folder.exists() or not any(folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
    elif not (folder / CARD).is_file() or not (folder / CARD).read_text(encoding="utf-8").startswith(_TITLE):
        raise UsageError(f"{folder} holds something else: name a new or empty folder")


def _check_head(plan: Plan) -> None:
    """See that the name of the layer is known that labels words.

    Raises:
        Incompatible: Only transformers knows it.
    """
    if plan.task.tags_words and parse_uri(plan.backbone.uri).scheme != "bundled":
        raise Incompatible(
            f"what the last layer of {plan.backbone.uri} is called is known where transformers is: let a device write "
            "its prompt, with mfpt-edge export"
        )


def _card(state: State, languages: list[LanguageCode]) -> str:
    plan, accuracy = state.plan, accuracies(state)
    task, privacy, backbone = plan.task, plan.privacy, plan.backbone
    lines = [
        f"| {named(one)} | `{folder_name(one)}` | {state.contributed.get(one, 0)} | {_percent(accuracy.get(one))} |"
        for one in languages
    ]
    return _CARD.format(
        title=_TITLE,
        federation=plan.federation,
        version=state.version,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        languages="\n".join(lines),
        digest=plan.digest,
        kind=task.kind,
        labels=f": {', '.join(task.labels)}" if task.labels else "",
        data=task.data or "texts of the devices' own",
        backbone=backbone.uri,
        layers=backbone.layers,
        width=backbone.width,
        fingerprint=backbone.fingerprint,
        method=plan.prompt.method,
        tokens=plan.prompt.tokens,
        clip_norm=privacy.clip_norm,
        min_examples=privacy.min_examples,
        masks=privacy.aggregation,
        noise=privacy.noise,
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
