"""Options that several commands share, and the many of `mfpt-coord simulate`. Nothing here may be slow to import."""

from pathlib import Path
from typing import Annotated, Final

import typer

from mfpt_coord.simulate.experiment import METHODS

DEFAULT_BROKER: Final = "mqtt://127.0.0.1:1883"

BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="MQTT broker: mqtt://host:port, or mqtts://user@host:port with the password in MFPT_BROKER_PASSWORD; "
        "over WebSockets ws://host:port/path or wss://host:port/path. The nodes of a cluster with commas between them.",
    ),
]
_CONNECTION_PANEL: Final = "The connection to the broker"
RetryOption = Annotated[
    str | None,
    typer.Option(
        "--retry",
        rich_help_panel=_CONNECTION_PANEL,
        help="Attempts to reach the broker at the start, or 'forever', which is the default.",
    ),
]
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
DistancesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="CSV file of your own language distances, used before those of URIEL+: a matrix, or lines of "
        "first,second,distance.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(help="Folder for everything that the coordinator keeps. By default under the XDG state home."),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="PostgreSQL database of the coordinator, postgresql://user@host/database; see serve --store.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, and nothing else.")]

# `simulate`: the experiment.
SimulatedDataOption = Annotated[
    str, typer.Option("--data", help="cldr, or a folder that holds a folder or file for each language.")
]
_COLUMNS_PANEL: Final = "Columns, where the files do not use the usual names"
TextColumnOption = Annotated[
    str | None,
    typer.Option("--text-column", rich_help_panel=_COLUMNS_PANEL, help="Column with the text, or the first of a pair."),
]
PairColumnOption = Annotated[
    str | None,
    typer.Option("--pair-column", rich_help_panel=_COLUMNS_PANEL, help="Column with the second text of a pair."),
]
LabelColumnOption = Annotated[
    str | None,
    typer.Option("--label-column", rich_help_panel=_COLUMNS_PANEL, help="Column with the label."),
]
LanguagesOption = Annotated[str, typer.Option("--languages", help="Languages, separated by commas.")]
# typer takes a Literal, but not a list of them.
MethodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        metavar=f"[{'|'.join(METHODS)}]",
        help="Method; repeat the option for several. By default local, fedavg and mfpt.",
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="Ready-made task: cldr (default), sib200, masakhanews, masakhapos, masakhaner, afrisenti or xnli.",
    ),
]
SimulatedPlanOption = Annotated[
    Path | None, typer.Option("--plan", metavar="FILE", help="Plan file, instead of --preset.")
]
ExamplesOption = Annotated[
    str,
    typer.Option(
        "--examples",
        metavar="N[,TAG=N...]",
        help="Training examples of each language, and of languages that have more or fewer: 35,eng=300.",
    ),
]
MaxTestOption = Annotated[
    int | None,
    typer.Option("--max-test", min=1, help="Most test examples of a language, always the same. By default all."),
]
RoundsOption = Annotated[int, typer.Option("--rounds", min=1, help="Rounds of each device, on average.")]
SeedsOption = Annotated[
    str, typer.Option("--seeds", help="Seeds, separated by commas; each one runs every method once.")
]
ParallelOption = Annotated[
    bool, typer.Option("--parallel", help="Give all languages translations of the same sentences.")
]
DevicesOption = Annotated[int, typer.Option("--devices", min=1, help="Devices of each language.")]
LabelSkewOption = Annotated[
    float,
    typer.Option(
        "--label-skew",
        min=1e-3,
        help="Dirichlet concentration of each device's mixture of labels: small is skewed, inf as the data is.",
    ),
]
UnseenOption = Annotated[str, typer.Option("--unseen", help="Languages that no device speaks, separated by commas.")]

# `simulate`: the devices.
_FLEET_PANEL: Final = "The devices"
SpreadOption = Annotated[
    float,
    typer.Option(
        "--spread",
        rich_help_panel=_FLEET_PANEL,
        min=0,
        max=5,
        help="Standard deviation of the logarithm of the devices' speeds.",
    ),
]
StragglersOption = Annotated[
    float,
    typer.Option(
        "--stragglers",
        rich_help_panel=_FLEET_PANEL,
        min=0,
        max=1,
        help="Share of devices that are ten times slower.",
    ),
]
DropoutsOption = Annotated[
    float,
    typer.Option(
        "--dropouts",
        rich_help_panel=_FLEET_PANEL,
        min=0,
        max=0.9,
        help="Probability that a device disappears during a round.",
    ),
]
LateOption = Annotated[
    float,
    typer.Option(
        "--late", rich_help_panel=_FLEET_PANEL, min=0, max=0.9, help="Share of devices that join after three rounds."
    ),
]

# `simulate`: this machine, and the results.
_BENCH_PANEL: Final = "This machine"
DeviceOption = Annotated[
    str, typer.Option("--device", rich_help_panel=_BENCH_PANEL, help="Processor: auto, cpu or cuda.")
]
JobsOption = Annotated[
    int,
    typer.Option(
        "--jobs", rich_help_panel=_BENCH_PANEL, min=1, help="Simulations at a time, each in a process of its own."
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads", rich_help_panel=_BENCH_PANEL, min=1, help="Threads of each simulation. Default: all cores."
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        rich_help_panel=_BENCH_PANEL,
        metavar="processes|ADDRESS",
        help="Where simulations run: processes of this machine, or a Dask cluster, by its scheduler's address, such as "
        "tcp://node1:8786.",
    ),
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw the accuracies into a .png, .svg or .html file."),
]
