"""The command line `mfpt-coord`. Heavy imports stand inside the commands, so that `--help` answers at once."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mfpt_coord.commands.simulate import simulate
from mfpt_shared.command_line import EPILOG, Kind, run
from mfpt_shared.errors import UsageError

app = typer.Typer(
    name="mfpt-coord",
    help="Coordinate federated prompt tuning: schedule devices, aggregate updates, publish prompts for all languages.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
plan_app = typer.Typer(help="Write, look at and check federation plans.", no_args_is_help=True)
app.add_typer(plan_app, name="plan")
app.command(
    epilog="Example: mfpt-coord simulate --data sib200 --preset sib200 --languages swh,zul,yor --examples 35 --jobs 2"
)(simulate)

BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker", help="MQTT broker, mqtt://host:port or mqtts://user@host:port; password in MFPT_BROKER_PASSWORD."
    ),
]
PlanArgument = Annotated[Path, typer.Argument(help="Plan file (TOML).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
DistancesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Your own language distances (CSV: a matrix, or first,second,distance); they come first."
    ),
]


class Method(StrEnum):
    """Prompt methods, as in the plan."""

    LATE = "late"
    PROMPT = "prompt"
    P_TUNING = "p-tuning"


class Proximity(StrEnum):
    """Kinds of proximity that need no updates, as in the plan."""

    AUTO = "auto"
    FIXED = "fixed"
    UNIFORM = "uniform"


@app.command(epilog="Example: mfpt-coord serve --listen 0.0.0.0:1883 --plan plan.toml --data-dir /var/lib/mfpt")
def serve(
    plan: Annotated[
        Path | None, typer.Option(help="Plan file; without one, the data directory's, or the cldr preset.")
    ] = None,
    broker: BrokerOption = None,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT of the embedded broker; port 0 takes a free one.")
    ] = "127.0.0.1:1883",
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for all state; by default under the XDG state home.")
    ] = None,
    folds: Annotated[int | None, typer.Option(min=1, help="Stop after so many new versions.")] = None,
    distances: DistancesOption = None,
) -> None:
    """Run a coordinator, with its own broker unless --broker names one. Ctrl-C stops it; it goes on where it was."""
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_coord.presets import read_plan
    from mfpt_coord.server.broker import parse_listen
    from mfpt_coord.server.config import ServeConfig, default_data_dir
    from mfpt_coord.server.serve import serve as run_serve
    from mfpt_shared.transport.mqtt import parse_broker

    run_serve(
        ServeConfig(
            data_dir=(data_dir or default_data_dir()).absolute(),
            plan=read_plan(plan) if plan else None,
            broker=parse_broker(broker, os.environ) if broker else None,
            listen=parse_listen(listen),
            folds=folds,
            distances=read_distances(distances) if distances else {},
        )
    )


@plan_app.command("init", epilog="Example: mfpt-coord plan init --preset sib200 --out plan.toml")
def plan_init(
    preset: Annotated[
        str | None, typer.Option(help="Task: cldr, sib200, masakhanews, xnli or cldr-names (for a decoder).")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Kind of your own task; default: classification.")] = None,
    labels: Annotated[str | None, typer.Option(help="Classes of your own task, separated by commas.")] = None,
    federation: Annotated[str, typer.Option(help="Name of the federation.")] = "default",
    backbone: Annotated[
        str, typer.Option(help="bundled:<name>, hf:<id>@<revision>, path:<folder> or gguf:<file>.")
    ] = "bundled:multilingual-e5-small",
    method: Annotated[Method, typer.Option(help="Where the soft prompt enters.")] = Method.LATE,
    out: Annotated[Path | None, typer.Option(help="File to write; without it, the plan goes to stdout.")] = None,
) -> None:
    """Write a plan with every key explained."""
    from mfpt_coord import presets
    from mfpt_shared import plan as plans
    from mfpt_shared.backbones.describe import describe, is_e5, parse_uri
    from mfpt_shared.plan_files import plan_to_toml

    if labels and preset:
        raise UsageError("give --preset or --labels, not both")
    if preset and kind:
        raise UsageError("give --preset or --kind, not both: a preset knows its kind of task")
    if labels or kind:
        wanted = tuple(label.strip() for label in labels.split(",")) if labels else ()
        chosen = presets.Preset(plans.made(plans.Task, labels=wanted, kind=kind.value if kind else "classification"))
    else:
        chosen = presets.preset(preset or "cldr")
    if chosen.task.generates and parse_uri(backbone).scheme == "bundled":
        raise UsageError("the bundled backbone cannot write: name a decoder with --backbone hf:, path: or gguf:")
    facts = describe(backbone)
    plan = plans.made(
        plans.Plan,
        federation=plans.federation_name(federation),
        task=chosen.task,
        aggregation=chosen.aggregation,
        backbone=plans.BackboneSpec(
            uri=backbone,
            width=facts.width,
            layers=facts.layers,
            fingerprint=facts.fingerprint,
            # What the E5 family was trained with means nothing to others.
            prefix=plans.BackboneSpec().prefix if is_e5(backbone) else "",
        ),
        prompt=plans.PromptSpec(method=method.value),
        training=chosen.training,
    )
    text = plan_to_toml(plan)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{out} exists; choose another name or remove it") from error
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    typer.echo(
        f"wrote {out}: {plan.task.kind}, {len(plan.task.labels)} labels, plan {plan.digest}; "
        f"now: mfpt-coord serve --plan {out}",
        err=True,
    )


@plan_app.command("show", epilog="Example: mfpt-coord plan show plan.toml --json")
def plan_show(plan: PlanArgument, as_json: JsonOption = False) -> None:
    """Print a plan with all defaults filled in."""
    from mfpt_coord.presets import read_plan
    from mfpt_shared.plan import plan_to_json
    from mfpt_shared.plan_files import plan_to_toml

    content = read_plan(plan)
    typer.echo(plan_to_json(content).decode() if as_json else plan_to_toml(content), nl=as_json)


@plan_app.command("validate", epilog="Example: mfpt-coord plan validate plan.toml")
def plan_validate(plan: PlanArgument, as_json: JsonOption = False) -> None:
    """Check a plan; exit 7 and say what is wrong if it is not one."""
    import json

    from mfpt_coord.presets import read_plan
    from mfpt_shared.tensors import layout, size

    content = read_plan(plan)
    values = size(layout(content))
    facts = {
        "plan": content.digest,
        "federation": content.federation,
        "labels": len(content.task.labels),
        "values": values,
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(f"{plan} is a plan ({content.digest}): {len(content.task.labels)} labels, {values:,} tuned values")
    if not content.backbone.fingerprint:
        typer.echo("warning: backbone.fingerprint is empty, devices with other weights will not be noticed", err=True)


@app.command(epilog="Example: mfpt-coord languages swh zul yor --metrics genetic,script --plot distances.svg")
def languages(
    tags: Annotated[list[str], typer.Argument(metavar="LANGUAGE", help="Languages, such as sw or swh.")],
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Distances of URIEL+, separated by commas, or all; by default those of the plan. There are genetic, "
            "geographic, syntactic, inventory, phonological, morphological, featural and script."
        ),
    ] = None,
    proximity: Annotated[Proximity, typer.Option(help="How weights follow.")] = Proximity.AUTO,
    temperature: Annotated[
        float | None, typer.Option(min=1e-3, max=1e9, help="Of --proximity fixed; by default that of the plan.")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=1, max=10_000, help="Of --proximity auto: training examples of each language.")
    ] = 100,
    distances: DistancesOption = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw distances and weights: .png, .svg or .html.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far languages are from one another, and the weights that this leads to."""
    import asyncio

    from rich.console import Console

    from mfpt_coord import plots
    from mfpt_coord.commands import languages
    from mfpt_coord.languages.distance_file import read_distances
    from mfpt_shared.folders import cache_home
    from mfpt_shared.plan import Aggregation

    wanted = languages.parse_languages(tags)
    default = Aggregation()
    chosen = languages.parse_metrics(metrics) if metrics is not None else None
    plan = Aggregation(
        metrics=chosen or default.metrics,
        proximity=proximity.value,
        temperature=default.temperature if temperature is None else temperature,
    )
    custom = read_distances(distances) if distances else {}
    if plot:
        plots.check(plot)
    known = asyncio.run(languages.find(wanted, chosen, custom, cache_home()))
    shown = languages.shown_metrics(wanted, chosen, custom)
    table = languages.tabulate(wanted, known, shown, examples, plan)
    if plot:
        plots.save(languages.figure(table), plot)
    if as_json:
        typer.echo(languages.as_json(table))
        return
    console = Console()
    console.print(languages.render(table, console.width))


@app.command(epilog="Example: mfpt-coord status --watch --broker mqtt://localhost:1883")
def status(
    broker: BrokerOption = None,
    federation: Annotated[str, typer.Option(help="Name of the federation.")] = "default",
    watch: Annotated[bool, typer.Option("--watch", help="Keep showing it until Ctrl-C.")] = False,
    as_json: JsonOption = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 5.0,
) -> None:
    """Show versions, languages, devices and staleness of a running federation. With --watch --json: a line a change."""
    import asyncio

    from mfpt_coord.commands.status import show_status
    from mfpt_shared.plan import federation_name
    from mfpt_shared.transport.mqtt import parse_broker

    federation = federation_name(federation)
    address = parse_broker(broker or "mqtt://127.0.0.1:1883", os.environ)
    asyncio.run(show_status(address, federation, watch=watch, as_json=as_json, timeout=timeout))


def main() -> None:
    """Run the command line."""
    # A fold reads every delta once: more threads than one only wait for memory, or for one another where others work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    run(app, "mfpt-coord")
