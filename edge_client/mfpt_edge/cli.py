"""The command line `mfpt-edge`. Heavy imports stand inside the commands, so that `--help` answers at once."""

import contextlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_shared.command_line import EPILOG, run

if TYPE_CHECKING:
    from mfpt_edge.device import DeviceFolder
    from mfpt_edge.held import Model
    from mfpt_edge.prediction import Predictor
    from mfpt_shared.languages import LanguageCode

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


class RuntimeName(StrEnum):
    """What computes predictions."""

    AUTO = "auto"
    TORCH = "torch"
    ONNX = "onnx"


LanguageOption = Annotated[
    str, typer.Option("--lang", help="Your language: a BCP 47 or ISO 639 tag, such as sw or swh.")
]
FederationOption = Annotated[str, typer.Option("--federation", help="Name of the federation.")]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data", help="CSV, TSV, JSONL or Parquet file, folder with train/dev/test files, hf:<data set>, or cldr."
    ),
]
TextColumnOption = Annotated[
    str | None, typer.Option("--text-column", help="Column with the text; default: text, headline+text.")
]
LabelColumnOption = Annotated[
    str | None, typer.Option("--label-column", help="Column with the label; default: label, category.")
]
StateDirOption = Annotated[
    Path | None, typer.Option("--state-dir", help="Folder of this device; by default under the XDG state home.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
RuntimeOption = Annotated[
    RuntimeName,
    typer.Option("--runtime", help="torch, onnx, or auto: onnx where it can be had and no GPU is asked for."),
]
GraphOption = Annotated[
    Path | None,
    typer.Option("--graph", metavar="DIR", help="Folder of `export --onnx`; the bundled backbone needs none."),
]
FetchOption = Annotated[
    str | None,
    typer.Option("--broker", help="Use the prompt that this broker keeps, instead of the one this device holds."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]


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
    as_json: JsonOption = False,
) -> None:
    """Take part in a federation, until --rounds are done, the federation ends, or Ctrl-C. It goes on where it was."""
    import os  # noqa: PLC0415

    from mfpt_edge.config import JoinConfig, parse_retries  # noqa: PLC0415
    from mfpt_edge.data import Columns  # noqa: PLC0415
    from mfpt_edge.device import default_folder  # noqa: PLC0415
    from mfpt_edge.join import join as run_join  # noqa: PLC0415
    from mfpt_edge.view import join_view, result_table  # noqa: PLC0415
    from mfpt_shared.languages import device_language  # noqa: PLC0415
    from mfpt_shared.mqtt import parse_broker  # noqa: PLC0415
    from mfpt_shared.plan import federation_name  # noqa: PLC0415

    language, federation = device_language(lang), federation_name(federation)
    os.nice(nice)
    retries = parse_retries(retry) if retry is not None else None
    config = JoinConfig(
        language=language,
        federation=federation,
        broker=parse_broker(broker, os.environ),
        state_dir=(state_dir or default_folder(federation, language)).absolute(),
        data=data,
        columns=Columns(text_column, label_column),
        retries=5 if retry is None else retries,
        reconnects=retries,
        rounds=rounds,
        max_examples=examples,
        device=device,
        threads=threads,
        alone=alone,
    )
    _print(run_join(config, join_view()), as_json, result_table)


@app.command(epilog="Example: mfpt-edge predict --lang sw 'Bei ya mafuta imepanda'")
def predict(
    lang: LanguageOption,
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts; - reads them from standard input, one a line.")
    ] = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: FetchOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    graph: GraphOption = None,
    file: Annotated[Path | None, typer.Option("--file", help="File with texts, one a line.")] = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Label texts with the prompt that this device keeps; works offline."""
    from mfpt_edge.prediction import predict as label  # noqa: PLC0415

    model = _model(lang, federation, state_dir, broker)
    predictions = label(_predictor(model, runtime, graph, device), _texts(texts or [], file))
    if as_json:
        import json  # noqa: PLC0415

        rows = [{"text": one.text, "label": one.label, "probability": round(one.probability, 4)} for one in predictions]
        typer.echo(json.dumps({"version": model.prompt.header.version, "predictions": rows}, ensure_ascii=False))
        return
    for one in predictions:
        typer.echo(f"{one.label}\t{one.probability:.3f}\t{one.text}")


@app.command(epilog="Example: mfpt-edge evaluate --lang sw --data test.csv --json")
def evaluate(
    lang: LanguageOption,
    data: Annotated[Path, typer.Option("--data", help="File with texts and labels; all its rows are used.")],
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: FetchOption = None,
    runtime: RuntimeOption = RuntimeName.AUTO,
    graph: GraphOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure the prompt that this device keeps on labelled texts."""
    from mfpt_edge.data import Columns, load_split  # noqa: PLC0415
    from mfpt_edge.prediction import evaluate as measure  # noqa: PLC0415
    from mfpt_edge.view import facts_table  # noqa: PLC0415

    model = _model(lang, federation, state_dir, broker)
    split = load_split(data, model.plan.task.labels, Columns(text_column, label_column))
    found = measure(_predictor(model, runtime, graph, device), split.examples)
    facts = {
        "language": model.prompt.header.language,
        "version": model.prompt.header.version,
        "accuracy": found.accuracy,
        "loss": found.loss,
        "n": found.examples,
        "skipped": sum(split.skipped.values()),
    }
    _print(facts, as_json, facts_table)


@app.command(epilog="Example: mfpt-edge export --lang sw --onnx phone/")
def export(
    lang: LanguageOption,
    onnx: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the backbone for ONNX Runtime; prompts are its input.")
    ] = None,
    peft: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the prompt as an adapter that PEFT loads.")
    ] = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    broker: FetchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the backbone for ONNX Runtime, or the prompt that this device keeps for PEFT."""
    from mfpt_edge.config import require_engine, require_onnx  # noqa: PLC0415
    from mfpt_edge.graphfolder import is_bundled  # noqa: PLC0415
    from mfpt_edge.view import facts_table  # noqa: PLC0415
    from mfpt_shared.errors import UsageError  # noqa: PLC0415
    from mfpt_shared.folders import cache_home  # noqa: PLC0415

    if onnx is None and peft is None:
        raise UsageError("give --onnx DIR or --peft DIR, or both")
    model = _model(lang, federation, state_dir, broker)
    if onnx is not None and is_bundled(model.plan):
        require_onnx()
    else:
        require_engine()
    from mfpt_edge.export import export_onnx, export_peft  # noqa: PLC0415

    if onnx is not None:
        export_onnx(model.plan, onnx, cache_home())
    if peft is not None:
        export_peft(model, peft)
    written = {"onnx": onnx and str(onnx), "peft": peft and str(peft), "version": model.prompt.header.version}
    _print(written, as_json, facts_table)


@app.command(epilog="Example: mfpt-edge status --lang sw --json")
def status(
    lang: LanguageOption,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what this device holds: who it is, its prompt, whether it keeps that or its own, what its outbox holds."""
    from mfpt_edge.view import facts_table  # noqa: PLC0415
    from mfpt_shared.errors import UsageError  # noqa: PLC0415

    folder = _folder(lang, federation, state_dir)
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
    _print(facts, as_json, facts_table)


@data_app.command("show", epilog="Example: mfpt-edge data show --lang sw --data sentences.csv --labels politics,sports")
def data_show(
    lang: LanguageOption,
    data: DataOption = "cldr",
    labels: Annotated[
        str | None, typer.Option(help="Labels, separated by commas; default: the plan's, or those of cldr.")
    ] = None,
    text_column: TextColumnOption = None,
    label_column: LabelColumnOption = None,
    federation: FederationOption = "default",
    state_dir: StateDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a data set would be read: its splits, labels, what would be skipped, and three examples."""
    import msgspec  # noqa: PLC0415

    from mfpt_edge.cldr import CLDR_LABELS  # noqa: PLC0415
    from mfpt_edge.data import Columns, describe, load_dataset  # noqa: PLC0415
    from mfpt_edge.view import summary_table  # noqa: PLC0415
    from mfpt_shared.languages import normalise  # noqa: PLC0415

    if labels:
        wanted = tuple(label.strip() for label in labels.split(","))
    else:
        wanted = CLDR_LABELS if data in (None, "cldr") else _folder(lang, federation, state_dir).plan().task.labels
    dataset = load_dataset(data or "cldr", normalise(lang), wanted, columns=Columns(text_column, label_column))
    summary = describe(dataset, wanted)
    if as_json:
        typer.echo(msgspec.json.encode(summary))
        return
    from rich.console import Console  # noqa: PLC0415

    console = Console()
    console.print(summary_table(summary))
    for reason, count in summary.skipped.items():
        console.print(f"skipped: {count} x {reason}", highlight=False)
    for label, text in summary.samples:
        console.print(f"[dim]{label}[/dim]  {text}", highlight=False)


@cache_app.command("show", epilog="Example: mfpt-edge cache show --json")
def cache_show(as_json: JsonOption = False) -> None:
    """Show where the cache is, and what it holds (MB)."""
    from mfpt_edge.caches import sizes  # noqa: PLC0415
    from mfpt_shared.folders import cache_home  # noqa: PLC0415

    _print_cache(cache_home(), sizes(cache_home()), as_json)


@cache_app.command("clear", epilog="Example: mfpt-edge cache clear")
def cache_clear(as_json: JsonOption = False) -> None:
    """Remove it all. Nothing is lost: it is made again when it is needed."""
    from mfpt_edge.caches import clear  # noqa: PLC0415
    from mfpt_shared.errors import MfptError  # noqa: PLC0415
    from mfpt_shared.folders import cache_home  # noqa: PLC0415

    folder = cache_home()
    try:
        freed = clear(folder)
    except OSError as error:
        raise MfptError(f"cannot remove {error.filename}: {error.strerror}; remove {folder} by hand") from error
    _print_cache(folder, freed, as_json)


def _print_cache(folder: Path, sizes: dict[str, int], as_json: bool) -> None:
    from mfpt_edge.view import facts_table  # noqa: PLC0415

    facts = {"folder": str(folder), **{kind: round(size / 1e6, 1) for kind, size in sizes.items()}}
    _print(facts, as_json, facts_table)


def _folder(lang: str, federation: str, state_dir: Path | None) -> "DeviceFolder":
    from mfpt_edge.device import DeviceFolder, default_folder  # noqa: PLC0415
    from mfpt_shared.plan import federation_name  # noqa: PLC0415

    federation = federation_name(federation)
    return DeviceFolder((state_dir or default_folder(federation, _language(lang))).absolute())


def _language(lang: str) -> "LanguageCode":
    from mfpt_shared.languages import normalise  # noqa: PLC0415

    return normalise(lang)


def _model(lang: str, federation: str, state_dir: Path | None, broker: str | None) -> "Model":
    import os  # noqa: PLC0415

    from mfpt_edge.held import fetch, held  # noqa: PLC0415
    from mfpt_shared.mqtt import parse_broker  # noqa: PLC0415
    from mfpt_shared.plan import federation_name  # noqa: PLC0415

    if broker is not None:
        federation = federation_name(federation)
        return fetch(parse_broker(broker, os.environ), federation, _language(lang))
    return held(_folder(lang, federation, state_dir))


def _texts(given: list[str], file: Path | None) -> list[str]:
    from mfpt_shared.errors import BadData, UsageError  # noqa: PLC0415

    if bool(given) == (file is not None):
        raise UsageError("give texts, or - for standard input, or --file FILE")
    if given and given != ["-"]:
        return given
    try:
        content = sys.stdin.read() if file is None else file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f"--file {file}: no such file") from error
    except UnicodeDecodeError as error:
        raise BadData(f"{file or 'standard input'} is not UTF-8: {error}") from error
    return [line for line in map(str.strip, content.splitlines()) if line]


def _predictor(model: "Model", runtime: RuntimeName, graph: Path | None, device: str) -> "Predictor":
    """Load what computes predictions: ONNX Runtime starts in a second, torch in several."""
    from mfpt_edge import graphfolder  # noqa: PLC0415
    from mfpt_edge.config import has_onnx, require_engine, require_onnx  # noqa: PLC0415
    from mfpt_shared.errors import UsageError  # noqa: PLC0415
    from mfpt_shared.folders import cache_home  # noqa: PLC0415

    bundled = graphfolder.is_bundled(model.plan)
    if runtime is RuntimeName.AUTO:
        can = has_onnx() and device in ("auto", "cpu") and (graph is not None or bundled)
        runtime = RuntimeName.ONNX if can else RuntimeName.TORCH
    if runtime is RuntimeName.TORCH:
        require_engine()
        from mfpt_edge.predict import TorchPredictor  # noqa: PLC0415 - torch takes seconds to import

        return TorchPredictor(model, device=device)
    require_onnx()
    if graph is None and not bundled:
        raise UsageError(
            f"--runtime onnx needs an exported {model.plan.backbone.uri}: run `mfpt-edge export --onnx DIR` where "
            "torch is installed, and give --graph DIR"
        )
    from mfpt_edge.predict_onnx import OnnxPredictor  # noqa: PLC0415

    return OnnxPredictor(model, graph or graphfolder.bundled_folder(model.plan, cache_home()))


def _print(result: object, as_json: bool, table: object) -> None:
    import msgspec  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415

    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
    else:
        assert callable(table)
        Console().print(table(result))


def main() -> None:
    """Run the command line."""
    run(app, "mfpt-edge")
