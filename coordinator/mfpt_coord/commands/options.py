"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_BROKER: Final = "mqtt://127.0.0.1:1883"

BrokerOption = Annotated[
    str | None,
    typer.Option(
        "--broker",
        help="MQTT broker: mqtt://host:port, or mqtts://user@host:port with the password in MFPT_BROKER_PASSWORD.",
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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, and nothing else.")]
