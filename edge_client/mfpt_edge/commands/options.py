"""Options of `mfpt-edge`, and how results are printed. Nothing here may be slow to import."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from mfpt_edge.storage.device_folder import DeviceFolder
    from mfpt_shared.invitation import InvitationLine
    from mfpt_shared.languages import LanguageCode

ResultT = TypeVar("ResultT")

RuntimeName = Literal["auto", "torch", "onnx"]
"""What computes predictions."""
AnswerFormat = Literal["text", "conll"]
"""How labelled words are printed."""
OnBattery = Literal["pause", "train"]
"""What training does while the machine runs on battery; as in `storage.settings`, which is slow to import."""

# Which device, and what it holds.
LanguageOption = Annotated[
    str, typer.Option("--lang", help="Your language: a BCP 47 or ISO 639 tag, such as sw or swh.")
]
FederationOption = Annotated[str, typer.Option("--federation", help="Name of the federation.")]
StateDirOption = Annotated[
    Path | None, typer.Option("--state-dir", help="Folder of this device; default: one under the XDG state home.")
]
FormatOption = Annotated[
    AnswerFormat,
    typer.Option("--format", help="How labelled words are printed: text (word/LABEL) or conll; not with --json."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]

# Taking part.
USUAL_BROKER: Final = "mqtt://127.0.0.1:1883"
"""Where an open federation is looked for when nothing else is said."""

InvitationArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[INVITATION]", show_default=False, help="The line, mfpt://…, that you were given; in quotes."
    ),
]
JoinLanguageOption = Annotated[
    str | None,
    typer.Option(
        "--lang", help="Your language: a BCP 47 or ISO 639 tag, such as sw or swh. Default: the invitation's."
    ),
]
BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="MQTT broker, mqtt://host:port or mqtts://user@host:port, over WebSockets ws:// or wss://host:port/path; "
        "password in MFPT_BROKER_PASSWORD; the nodes of a cluster with commas between them. Default: the invitation's, "
        "or this machine.",
    ),
]
RoundsOption = Annotated[
    int | None, typer.Option("--rounds", min=1, help="Make this many accepted updates, then listen, and leave.")
]
LeaveAfterOption = Annotated[
    str,
    typer.Option(
        "--leave-after",
        metavar="TIME",
        help="After --rounds, listen at most this long for what the others still make (90s, 30min, 2h; 0: leave at "
        "once). When nobody trains any more, the device leaves sooner.",
    ),
]
RetryOption = Annotated[
    str | None,
    typer.Option("--retry", help="Connection attempts, or 'forever'. Default: 5 to connect, forever to reconnect."),
]
AloneOption = Annotated[
    bool, typer.Option("--alone/--no-alone", help="At the end, also tune a prompt alone, for comparison.")
]

_CONNECTION_PANEL: Final = "The connection to the broker"
CaFileOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-file",
        metavar="FILE",
        rich_help_panel=_CONNECTION_PANEL,
        help="CAs to believe, in PEM, instead of the system's.",
    ),
]
CertOption = Annotated[
    Path | None,
    typer.Option(
        "--cert",
        metavar="FILE",
        rich_help_panel=_CONNECTION_PANEL,
        help="Certificate to show to the broker, in PEM, where it asks for one.",
    ),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key",
        metavar="FILE",
        rich_help_panel=_CONNECTION_PANEL,
        help="Private key of --cert, in PEM. By default it is in the same file.",
    ),
]
ProxyOption = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        metavar="URL",
        rich_help_panel=_CONNECTION_PANEL,
        help="HTTP proxy, http://host:port. By default what HTTPS_PROXY, ALL_PROXY and NO_PROXY say.",
    ),
]

# What training may use of the machine, and when it waits.
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Processor threads to use; default: all cores.")
]
NiceOption = Annotated[
    int,
    typer.Option("--nice", min=0, max=19, help="How far other programs go first: 0 (not at all) to 19 (always)."),
]
ActivationCacheOption = Annotated[
    str,
    typer.Option(
        "--activation-cache",
        metavar="SIZE",
        help="Disk for what the lower layers compute from your texts (500MB, 2GiB, bytes); 0: compute it again for "
        "every batch.",
    ),
]
MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="Memory that this device may hold while it trains (700MB, 2GiB, bytes): slower, with the same "
        "result. Default: half of what is free, 1GB at least.",
    ),
]
MaxRoundTimeOption = Annotated[
    str,
    typer.Option(
        "--max-round-time",
        metavar="TIME",
        help="Longest time to compute in a round (90s, 30min, 2h); a round that takes longer is ended.",
    ),
]
MaxDownloadOption = Annotated[
    str,
    typer.Option(
        "--max-download", metavar="SIZE", help="Largest backbone or data set to download that a plan asks for."
    ),
]
AllowBackboneOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-backbone",
        metavar="URI",
        help="Backbone that a plan may use here: path:<folder>, gguf:<file> or hf:<id>, as the plan writes it. "
        "Can be given more than once.",
    ),
]
YesOption = Annotated[
    bool,
    typer.Option(
        "--yes", help="Allow the plan's backbone and data of the hub, and data that teach nothing, without a question."
    ),
]
MaxLoadOption = Annotated[
    str | None,
    typer.Option(
        "--max-load",
        metavar="LOAD",
        help="Wait while other programs make a load average above this (1: one busy core); none: never. Default: as it "
        "was set with `mfpt-edge settings`, or else none.",
    ),
]
OnBatteryOption = Annotated[
    OnBattery | None,
    typer.Option(
        "--on-battery",
        help="On battery, pause until the machine is plugged in, or train on. Default: as it was set, or else train.",
    ),
]
HoursOption = Annotated[
    str | None,
    typer.Option(
        "--hours",
        metavar="FROM-TO",
        help="Train only in these hours of the day, such as 22-6 or 9:30-17, by this machine's clock; always. "
        "Default: as they were set, or else always.",
    ),
]
MaxUploadOption = Annotated[
    str | None,
    typer.Option(
        "--max-upload",
        metavar="SIZE",
        help="Begin no training once so much was sent in a calendar month (50MB/month); none. Default: as it was set, "
        "or else none.",
    ),
]

# Predicting.
RuntimeOption = Annotated[
    RuntimeName,
    typer.Option(
        "--runtime", help="torch, onnx, or auto: onnx where it is available and no GPU is asked for, else torch."
    ),
]
GraphOption = Annotated[
    Path | None,
    typer.Option("--graph", metavar="DIR", help="Folder that `export --onnx` wrote; not needed for the bundled model."),
]
OfflineOption = Annotated[
    bool,
    typer.Option(
        "--offline",
        help="Never ask for a newer prompt. Otherwise, where this device took part an hour ago or earlier, its broker "
        "is asked for one, for 1.5 s at most.",
    ),
]
FetchOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="Use the prompt that this broker keeps, instead of the one on this device. A reader's comes from the "
        "broker anyway.",
    ),
]


def join_language(lang: str | None, line: "InvitationLine | None") -> "LanguageCode":
    """Return the language of a device, as the command line or its invitation says.

    Raises:
        UsageError: Neither says it, or they differ.
    """
    from mfpt_shared.errors import UsageError
    from mfpt_shared.languages import device_language, named

    invited = line.language if line else None
    if lang is None and invited is None:
        raise UsageError("give the language of your texts with --lang, for example --lang sw")
    language = device_language(str(invited) if lang is None else lang)
    if invited is not None and language != invited:
        raise UsageError(
            f"this invitation is for {named(invited)}, not for {named(language)}; leave --lang out, or get another one"
        )
    return language


def device_folder(lang: str, federation: str, state_dir: Path | None) -> "DeviceFolder":
    """Return the state folder that the options name."""
    from mfpt_edge.storage.device_folder import DeviceFolder, default_folder
    from mfpt_shared.languages import given_language
    from mfpt_shared.plan import federation_name

    federation = federation_name(federation)
    return DeviceFolder((state_dir or default_folder(federation, given_language(lang))).absolute())


def show(result: ResultT, as_json: bool, table: Callable[[ResultT], object]) -> None:
    """Print a result as JSON, or as the table that `table` makes of it."""
    import msgspec

    from mfpt_shared.command_line import say_data
    from mfpt_shared.terminal import PlainConsole

    if as_json:
        say_data(msgspec.json.encode(result).decode())
    else:
        PlainConsole().print(table(result))
