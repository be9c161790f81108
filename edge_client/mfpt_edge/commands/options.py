"""Options that several commands of `mfpt-edge` share, and how their results are printed."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mfpt_edge.storage.device_folder import DeviceFolder


class RuntimeName(StrEnum):
    """What computes predictions."""

    AUTO = "auto"
    TORCH = "torch"
    ONNX = "onnx"


class OnBattery(StrEnum):
    """What training does while the machine runs on battery."""

    PAUSE = "pause"
    TRAIN = "train"


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
    str | None,
    typer.Option("--text-column", help="Column with the text; default: text, headline+text; premise; prompt."),
]
LabelColumnOption = Annotated[
    str | None,
    typer.Option("--label-column", help="Column with the label or completion; default: label, category; completion."),
]
PairColumnOption = Annotated[
    str | None,
    typer.Option("--pair-column", help="Column with the second text of a pair; default: hypothesis, sentence2."),
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


def device_folder(lang: str, federation: str, state_dir: Path | None) -> "DeviceFolder":
    """Return the folder that the options name."""
    from mfpt_edge.storage.device_folder import DeviceFolder, default_folder
    from mfpt_shared.languages import normalise
    from mfpt_shared.plan import federation_name

    federation = federation_name(federation)
    return DeviceFolder((state_dir or default_folder(federation, normalise(lang))).absolute())


def show(result: object, as_json: bool, table: object) -> None:
    """Print a result as JSON, or as the table that `table` makes of it."""
    import msgspec
    from rich.console import Console

    if as_json:
        typer.echo(msgspec.json.encode(result).decode())
    else:
        assert callable(table)
        Console().print(table(result))
