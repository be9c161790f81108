"""Options of `mfpt-edge` that say which data are read, and how. Nothing here may be slow to import."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

NameT = TypeVar("NameT", bound=Path | str | None)


def not_empty(name: NameT) -> NameT:
    """Refuse an empty name of a file or a column, such as that of an unset variable."""
    if name is not None and (not str(name).strip() or name == Path()):
        raise typer.BadParameter("it is empty; give a name, or leave the option out")
    return name


DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        callback=not_empty,
        help="Your examples: a CSV, TSV, JSON, Parquet or CoNLL file, a folder with train, dev and test files, "
        "hf:<data set>, or cldr.",
    ),
]
TestDataOption = Annotated[
    Path, typer.Option("--data", callback=not_empty, help="File with texts and labels; every row is used.")
]
TextColumnOption = Annotated[
    str | None,
    typer.Option(
        "--text-column",
        callback=not_empty,
        help="Column with the text; default: text, headline+text; premise; prompt.",
    ),
]
LabelColumnOption = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        callback=not_empty,
        help="Column with the label or completion; default: label, category; completion.",
    ),
]
PairColumnOption = Annotated[
    str | None,
    typer.Option(
        "--pair-column",
        callback=not_empty,
        help="Column with the second text of a pair; default: hypothesis, sentence2.",
    ),
]
LabelMapOption = Annotated[
    Path | None,
    typer.Option(
        "--label-map",
        metavar="FILE",
        callback=not_empty,
        help='TOML file that says what labels mean: "Siasa" = "politics".',
    ),
]
ExamplesOption = Annotated[
    int | None, typer.Option("--examples", min=1, help="Largest number of training examples; default: all.")
]
