"""`mfpt-edge refresh`: the newest prompt for a device that has taken part, without training."""

from typing import TYPE_CHECKING

import typer

from mfpt_edge.commands.options import (
    AllowBackboneOption,
    BrokerOption,
    CaFileOption,
    CertOption,
    DataOption,
    DeviceOption,
    ExamplesOption,
    FederationOption,
    JsonOption,
    KeyOption,
    LabelColumnOption,
    LanguageOption,
    PairColumnOption,
    ProxyOption,
    StateDirOption,
    TextColumnOption,
    device_folder,
)

if TYPE_CHECKING:
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.storage.device_folder import DeviceFolder


def refresh(
    lang: LanguageOption,
    data: DataOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
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

    What others made since this device left is in it. The device asks where it last took part. Where it uses a head of
    its own, --data fits that to the new prompt.
    """
    from mfpt_edge.commands.renewal import renewed
    from mfpt_edge.data.columns import Columns
    from mfpt_shared.transport.security import Security

    folder = device_folder(lang, federation, state_dir)
    renewal = renewed(folder, federation, broker=broker, security=Security(ca_file, cert, key), proxy=proxy)
    if data is not None:
        columns = Columns(text_column, label_column, pair_column)
        _refit(folder, data, columns, examples, device, allow_backbone)
    used = (folder.personal_prompt(folder.plan()) or folder.prompt()).header.version
    if as_json:
        import json

        facts = {"version_before": renewal.version_before, "version": renewal.version, "version_used": used}
        typer.echo(json.dumps(facts))
        return
    if renewal.version == renewal.version_before:
        typer.echo(f"version {renewal.version} is the newest")
    else:
        before = "unknown" if renewal.version_before is None else renewal.version_before
        typer.echo(f"version {before} -> {renewal.version}")
    if used != renewal.version:
        typer.echo(f"this device uses a head of its own, on version {used}: give --data to fit it to {renewal.version}")


def _refit(
    folder: "DeviceFolder",
    source: str,
    columns: "Columns",
    examples: int | None,
    device: str,
    allow_backbone: list[str] | None,
) -> None:
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
        source, identity.language, plan.task.labels, kind=plan.task.kind, columns=columns, max_examples=examples
    )
    with owned(folder.path, "--state-dir"):
        refit(folder, identity, plan, load_trainer(plan, dataset, device=device))
