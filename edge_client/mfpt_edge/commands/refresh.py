"""`mfpt-edge refresh`: the newest prompt for a device that has taken part, without training."""

from typing import TYPE_CHECKING

from mfpt_edge.commands.data_options import (
    DataOption,
    ExamplesOption,
    LabelColumnOption,
    LabelMapOption,
    PairColumnOption,
    TextColumnOption,
)
from mfpt_edge.commands.options import (
    AllowBackboneOption,
    BrokerOption,
    CaFileOption,
    CertOption,
    DeviceOption,
    FederationOption,
    JsonOption,
    KeyOption,
    LanguageOption,
    ProxyOption,
    StateDirOption,
    device_folder,
)
from mfpt_shared.command_line import say, say_data

if TYPE_CHECKING:
    from pathlib import Path

    from mfpt_edge.data.columns import Columns
    from mfpt_edge.session.refitting import Refitted
    from mfpt_edge.storage.device_folder import DeviceFolder
    from mfpt_shared.protocol.messages import Prompt


def refresh(
    lang: LanguageOption,
    data: DataOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    label_map: LabelMapOption = None,
    examples: ExamplesOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: BrokerOption = None,
    device: DeviceOption = "auto",
    allow_backbone: AllowBackboneOption = None,
    ca_file: CaFileOption = None,
    cert: CertOption = None,
    key: KeyOption = None,
    proxy: ProxyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the newest prompt that the federation has for this device. Takes seconds; nothing is trained.

    What others made since this device left is in it. The device asks where it last took part. With --data, a head of
    its own is fitted to the new prompt, and the old one stays in use where it does better on the test examples.
    """
    from mfpt_edge.commands.renewal import renewed
    from mfpt_edge.data.columns import Columns
    from mfpt_shared.transport.security import Security

    folder = device_folder(lang, federation, state_dir)
    before = _used(folder)
    renewal = renewed(folder, federation, broker=broker, security=Security(ca_file, cert, key), proxy=proxy)
    refitted = None
    if data is not None:
        columns = Columns(text_column, label_column, pair_column)
        refitted = _refit(folder, data, columns, label_map, examples, device, allow_backbone, before)
    used = (folder.personal_prompt(folder.plan()) or folder.prompt()).header.version
    if as_json:
        import json

        facts = {"version_before": renewal.version_before, "version": renewal.version, "version_used": used}
        compared = {"accuracy_before": refitted.accuracy_before, "accuracy": refitted.accuracy} if refitted else {}
        say_data(json.dumps({**facts, **compared}))
        return
    if renewal.version == renewal.version_before:
        say(f"version {renewal.version} is the newest")
    else:
        version_before = "unknown" if renewal.version_before is None else renewal.version_before
        say(f"version {version_before} -> {renewal.version}")
    if refitted is not None:
        say(comparison(refitted))
    elif used != renewal.version:
        say(f"this device uses a head of its own, on version {used}: give --data to fit it to {renewal.version}")


def comparison(refitted: "Refitted") -> str:
    """Return which of two prompts a device uses from now on, and why, for people."""
    newest, before = refitted.personal.version, refitted.accuracy_before
    if before is None:
        return f"version {newest} is used; there is nothing to compare it with"
    tested, now = f"accuracy on {refitted.test_examples} test examples", f"{100 * refitted.accuracy:.1f} %"
    if refitted.is_kept:
        return f"version {newest} is used: {tested} {now}, before {100 * before:.1f} %"
    return f"what was used stays in use: {tested} {100 * before:.1f} %, with version {newest} {now}"


def _used(folder: "DeviceFolder") -> "Prompt | None":
    """Return the prompt that a device uses; None where there is none, or it is damaged."""
    from mfpt_edge.storage.saved_prompt import kept_model
    from mfpt_shared.errors import Damaged, Incompatible, UsageError

    try:
        return kept_model(folder).prompt
    except (Damaged, Incompatible, UsageError):
        return None


def _refit(
    folder: "DeviceFolder",
    source: str,
    columns: "Columns",
    label_map: "Path | None",
    examples: int | None,
    device: str,
    allow_backbone: list[str] | None,
    before: "Prompt | None",
) -> "Refitted":
    from mfpt_edge.commands.label_questions import renamed_labels
    from mfpt_edge.data.sources import load_dataset
    from mfpt_edge.host.extras import require_engine
    from mfpt_edge.session.consent import check_backbone
    from mfpt_edge.session.refitting import refit
    from mfpt_edge.storage.answers import Answers
    from mfpt_shared.folders import owned

    require_engine()
    from mfpt_edge.tuning.backbone_trainer import load_trainer

    plan, identity = folder.plan(), folder.identity()
    assert identity is not None, "a device that was refreshed has an identity"
    check_backbone(plan, allow_backbone or (), Answers(folder.path).given())
    dataset = load_dataset(
        source,
        identity.language,
        plan.task.labels,
        kind=plan.task.kind,
        columns=columns,
        renamed=renamed_labels(label_map, folder.path, plan.task.labels),
        max_examples=examples,
    )
    with owned(folder.path, "--state-dir"):
        return refit(folder, identity, plan, load_trainer(plan, dataset, device=device), before)
