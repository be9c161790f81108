"""The command line `mfpt-edge`. Heavy imports stand inside the commands, so that `--help` answers at once."""

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from mfpt_edge.commands.options import (
    DataOption,
    DeviceOption,
    FederationOption,
    JsonOption,
    LabelColumnOption,
    LanguageOption,
    OnBattery,
    PairColumnOption,
    StateDirOption,
    TextColumnOption,
    device_folder,
    show,
)
from mfpt_edge.commands.predict import evaluate, export, predict
from mfpt_shared.command_line import EPILOG, Kind, run

app = typer.Typer(
    name="mfpt-edge",
    help="Improve a language model for your language together with others. Your texts never leave this device.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look at data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
cache_app = typer.Typer(help="Look at what is kept only to be faster, and remove it.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")


@app.command(epilog="Example: mfpt-edge join --lang sw --data sentences.csv --broker mqtt://server.example:1883")
def join(
    lang: LanguageOption,
    broker: Annotated[
        str,
        typer.Option(help="MQTT broker, mqtt://host:port or mqtts://user@host:port; password in MFPT_BROKER_PASSWORD."),
    ] = "mqtt://127.0.0.1:1883",
    data: DataOption = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Leave after so many accepted updates.")] = None,
    examples: Annotated[int | None, typer.Option(min=1, help="Use at most so many training examples.")] = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    retry: Annotated[
        str | None, typer.Option(help="Connection attempts, or 'forever'. Default: 5 to connect, forever to reconnect.")
    ] = None,
    device: DeviceOption = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads to use; default: all.")] = None,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="Let other programs go first: 0, no courtesy, to 19, all of it.")
    ] = 0,
    alone: Annotated[bool, typer.Option(help="At the end, also tune a prompt alone, for comparison.")] = True,
    activation_cache: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Disk for what the layers below the prompt make of your texts (500MB, 2GiB, bytes); 0: compute it "
            "anew for every batch.",
        ),
    ] = "1GB",
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="Memory that this process may hold while it trains (700MB, 2GiB, bytes): slower, with the same "
            "result. Default: no bound.",
        ),
    ] = None,
    max_load: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="Wait while other programs make a load average above this (1: one busy core). Default: never."
        ),
    ] = None,
    on_battery: Annotated[
        OnBattery, typer.Option(help="Wait for the mains, or train on; Linux tells what it is.")
    ] = OnBattery.TRAIN,
    as_json: JsonOption = False,
) -> None:
    """Take part in a federation, until --rounds are done, the federation ends, or Ctrl-C. It goes on where it was."""
    import os

    from mfpt_edge.commands.display import join_view, result_table
    from mfpt_edge.commands.join import join as run_join
    from mfpt_edge.commands.join_config import JoinConfig, parse_retries, parse_size
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.storage.device_folder import default_folder
    from mfpt_shared.languages import device_language
    from mfpt_shared.plan import federation_name
    from mfpt_shared.transport.mqtt import parse_broker

    language, federation = device_language(lang), federation_name(federation)
    os.nice(nice)
    retries = parse_retries(retry) if retry is not None else None
    config = JoinConfig(
        language=language,
        federation=federation,
        broker=parse_broker(broker, os.environ),
        state_dir=(state_dir or default_folder(federation, language)).absolute(),
        data=data,
        columns=Columns(text_column, label_column, pair_column),
        retries=5 if retry is None else retries,
        reconnects=retries,
        rounds=rounds,
        max_examples=examples,
        device=device,
        threads=threads,
        alone=alone,
        activation_cache=parse_size(activation_cache, "--activation-cache"),
        memory=None if memory is None else parse_size(memory, "--memory"),
        max_load=max_load,
        pause_on_battery=on_battery is OnBattery.PAUSE,
    )
    show(run_join(config, join_view()), as_json, result_table)


app.command(epilog="Example: mfpt-edge predict --lang sw 'Bei ya mafuta imepanda'")(predict)
app.command(epilog="Example: mfpt-edge evaluate --lang sw --data test.csv --json")(evaluate)
app.command(epilog="Example: mfpt-edge export --lang sw --onnx phone/")(export)


@app.command(epilog="Example: mfpt-edge status --lang sw --json")
def status(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what this device holds: who it is, its prompt, whether it keeps that or its own, what its outbox holds."""
    from mfpt_edge.commands.display import facts_table
    from mfpt_shared.errors import UsageError

    folder = device_folder(lang, federation, state_dir)
    identity = folder.identity()
    if identity is None:
        raise UsageError(f"no device in {folder.path}: run `mfpt-edge join` first")
    plan, header, kept = None, None, None
    with contextlib.suppress(UsageError):
        plan = folder.plan()
        header = folder.prompt().header
        kept = "federated" if folder.own_prompt(plan) is None else "own"
    outbox = folder.outbox()
    facts = {
        "device": identity.client,
        "language": identity.language,
        "folder": str(folder.path),
        "federation": plan.federation if plan else None,
        "plan": plan.digest if plan else None,
        "prompt_version": header.version if header else None,
        "prompt_kept": kept,
        "updates_made": outbox.last_sequence,
        "updates_waiting": len(outbox.sequences()),
    }
    show(facts, as_json, facts_table)


@data_app.command("show", epilog="Example: mfpt-edge data show --lang sw --data sentences.csv --labels politics,sports")
def data_show(
    lang: LanguageOption,
    data: DataOption = "cldr",
    labels: Annotated[
        str | None, typer.Option(help="Labels, separated by commas; default: the plan's, or those of cldr.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="Kind of task, where --labels are given or there are none.")] = (
        Kind.CLASSIFICATION
    ),
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    pair_column: PairColumnOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a data set would be read: its splits, labels, what would be skipped, and three examples."""
    import msgspec

    from mfpt_edge.commands.display import summary_table
    from mfpt_edge.data.cldr import CLDR_LABELS
    from mfpt_edge.data.columns import Columns
    from mfpt_edge.data.sources import describe, load_dataset
    from mfpt_shared.errors import UsageError
    from mfpt_shared.languages import normalise

    source = data or "cldr"
    if labels and kind is Kind.GENERATION:
        raise UsageError("give --labels or --kind generation, not both: completions have no labels")
    if labels or kind is Kind.GENERATION:
        wanted = tuple(label.strip() for label in labels.split(",")) if labels else ()
    elif source == "cldr":
        wanted = CLDR_LABELS
    else:
        task = device_folder(lang, federation, state_dir).plan().task
        wanted, kind = task.labels, Kind(task.kind)
    columns = Columns(text_column, label_column, pair_column)
    dataset = load_dataset(source, normalise(lang), wanted, kind=kind.value, columns=columns)
    summary = describe(dataset, wanted)
    if as_json:
        typer.echo(msgspec.json.encode(summary))
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(summary_table(summary))
    for reason, count in summary.skipped.items():
        console.print(f"skipped: {count} x {reason}", highlight=False)
    for label, text in summary.samples:
        console.print(f"[dim]{escape(label)}[/dim]  {escape(text)}", highlight=False)


@cache_app.command("show", epilog="Example: mfpt-edge cache show --json")
def cache_show(as_json: JsonOption = False) -> None:
    """Show where the cache is, and what it holds (MB)."""
    from mfpt_edge.storage.cache import sizes
    from mfpt_shared.folders import cache_home

    _print_cache(cache_home(), sizes(cache_home()), as_json)


@cache_app.command("clear", epilog="Example: mfpt-edge cache clear")
def cache_clear(as_json: JsonOption = False) -> None:
    """Remove it all. Nothing is lost: it is made again when it is needed."""
    from mfpt_edge.storage.cache import clear
    from mfpt_shared.errors import MfptError
    from mfpt_shared.folders import cache_home

    folder = cache_home()
    try:
        freed = clear(folder)
    except OSError as error:
        raise MfptError(f"cannot remove {error.filename}: {error.strerror}; remove {folder} by hand") from error
    _print_cache(folder, freed, as_json)


def _print_cache(folder: Path, sizes: dict[str, int], as_json: bool) -> None:
    from mfpt_edge.commands.display import facts_table

    facts = {"folder": str(folder), **{kind: round(size / 1e6, 1) for kind, size in sizes.items()}}
    show(facts, as_json, facts_table)


def main() -> None:
    """Run the command line."""
    run(app, "mfpt-edge")
