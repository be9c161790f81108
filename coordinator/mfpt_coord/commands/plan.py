"""The commands `mfpt-coord plan …`. They import what they run, so that `--help` answers at once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_coord.commands.options import DataDirOption, JsonOption
from mfpt_shared.command_line import say, say_data
from mfpt_shared.environment import not_written
from mfpt_shared.errors import UsageError
from mfpt_shared.plan import PromptMethod, Task, TaskKind, federation_name, labels_from, made, plan_to_json
from mfpt_shared.system.names import as_argument

if TYPE_CHECKING:
    from mfpt_coord.presets import Preset
    from mfpt_coord.server.orders import PlanChange

app = typer.Typer(help="Write, show and check federation plans.", no_args_is_help=True)

PlanArgument = Annotated[Path, typer.Argument(help="Plan file (TOML).")]


@app.command(epilog="Example: mfpt-coord plan init --preset sib200 --out plan.toml")
def init(
    preset: Annotated[
        str | None,
        typer.Option(
            help="Ready-made task: cldr (default), sib200, masakhanews, masakhapos, masakhaner, afrisenti, xnli, or "
            "cldr-names for a decoder."
        ),
    ] = None,
    kind: Annotated[
        TaskKind | None, typer.Option(help="Kind of a task of your own; classification unless you say otherwise.")
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Labels of a task of your own, separated by commas.")] = None,
    federation: Annotated[str, typer.Option(help="Name of the federation.")] = "default",
    backbone: Annotated[
        str, typer.Option(help="Backbone: bundled:<name>, hf:<id>@<revision>, path:<folder> or gguf:<file>.")
    ] = "bundled:multilingual-e5-small",
    method: Annotated[PromptMethod, typer.Option(help="Where the soft prompt enters the backbone.")] = "late",
    out: Annotated[Path | None, typer.Option(help="File to write; without it, the plan goes to stdout.")] = None,
) -> None:
    """Write a plan in which every key is explained."""
    from mfpt_coord import presets
    from mfpt_shared.backbones.describe import parse_uri
    from mfpt_shared.plan_files import plan_to_toml

    chosen = _chosen(preset, kind, labels)
    if chosen.task.generates and parse_uri(backbone).scheme == "bundled":
        raise UsageError("the bundled backbone cannot write text; name a decoder with --backbone hf:, path: or gguf:")
    plan = presets.plan_for(chosen, federation=federation_name(federation), backbone=backbone, method=method)
    if out is None:
        say_data(plan_to_toml(plan).removesuffix("\n"))
        return
    _write(plan_to_toml(plan), out)
    say(
        f"wrote {out}: {plan.task.kind}, {len(plan.task.labels)} labels, plan {plan.digest}; "
        f"next: mfpt-coord serve --plan {as_argument(out)}",
        err=True,
    )


@app.command(epilog="Example: mfpt-coord plan show plan.toml --json")
def show(plan: PlanArgument, as_json: JsonOption = False) -> None:
    """Print a plan with all defaults filled in."""
    from mfpt_coord.presets import read_plan
    from mfpt_shared.plan_files import plan_to_toml

    content = read_plan(plan)
    say_data(plan_to_json(content).decode() if as_json else plan_to_toml(content).removesuffix("\n"))


@app.command(epilog="Example: mfpt-coord plan apply plan.toml --dry-run")
def apply(
    plan: PlanArgument,
    data_dir: DataDirOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Change the plan of a coordinator that runs; devices follow by themselves.

    How devices train, and everything in [aggregation] but the metrics, may change. Another task, backbone or prompt
    make another federation, and so does whatever protects updates.
    """
    from mfpt_coord.commands.control import json_line, report_of
    from mfpt_coord.presets import read_plan
    from mfpt_coord.server.orders import ApplyPlan, PlanChange

    report = report_of(data_dir, ApplyPlan(plan=read_plan(plan), only_say=dry_run), PlanChange)
    if as_json:
        say_data(json_line(report))
        return
    for line in report.changes or ["the coordinator follows this plan already"]:
        say(line)
    if report.changes:
        say(_effect(report, dry_run=dry_run), err=True)


@app.command(epilog="Example: mfpt-coord plan validate plan.toml")
def validate(plan: PlanArgument, as_json: JsonOption = False) -> None:
    """Check a plan. If it has a mistake, say which, and exit with code 7. With noise, say what devices spend."""
    import msgspec

    from mfpt_coord.commands.spending import in_words, spending
    from mfpt_coord.presets import read_plan
    from mfpt_shared.tensors import layout, size

    content = read_plan(plan)
    labels, values = len(content.task.labels), size(layout(content))
    if as_json:
        facts = {"plan": content.digest, "federation": content.federation, "labels": labels, "values": values}
        say_data(json.dumps(facts | {"privacy": msgspec.to_builtins(spending(content), str_keys=True)}))
        return
    say(f"{plan} is valid: plan {content.digest}, {labels} labels, {values:,} tuned values")
    if (spent := spending(content)) is not None:
        say("\n".join(in_words(content, spent)))
        if spent.updates == 0:
            say("warning: no device can make an update: raise privacy.noise_multiplier or .epsilon", err=True)
    if content.shows_heads:
        say(
            'warning: serve refuses it: training.head_start "ridge" needs privacy.aggregation "masked"; studies of '
            "devices alone may use it",
            err=True,
        )
    if not content.backbone.fingerprint:
        say("warning: backbone.fingerprint is empty, so devices with other weights would go unnoticed", err=True)


def _effect(report: "PlanChange", *, dry_run: bool) -> str:
    """Return what a change of the plan means for devices."""
    would = "would be" if dry_run else "is"
    if report.before == report.after:
        return f"the plan {would} changed at once; devices do nothing else"
    online = "1 device is" if report.devices == 1 else f"{report.devices} devices are"
    return (
        f"the plan {would} {report.after} after {report.before}; {online} online: devices load it and go on, and those "
        "with an mfpt-edge that cannot follow leave, and say so"
    )


def _chosen(preset: str | None, kind: TaskKind | None, labels: str | None) -> "Preset":
    """Return a preset, or a task of the operator's own."""
    from mfpt_coord import presets

    if preset and labels is not None:
        raise UsageError("give either --preset or --labels")
    if preset and kind:
        raise UsageError("give either --preset or --kind: a preset has a kind of its own")
    if labels is None and not kind:
        return presets.preset(preset or "cldr")
    wanted = () if labels is None else labels_from(labels)
    return presets.Preset(made(Task, labels=wanted, kind=kind or "classification"))


def _write(text: str, file: Path) -> None:
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except FileExistsError as error:
        raise UsageError(f"{file} already exists; choose another name, or remove it") from error
    except OSError as error:
        raise not_written(file, error) from error
