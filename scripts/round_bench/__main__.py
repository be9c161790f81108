"""What a round costs beside training: the real coordinator, broker, sockets and devices, with trainers that do nothing.

    noop_round_ms   from one version to the next: assign, upload, durable commit, fold, publish, receive
    bare_round_ms   the same messages between bare paho clients on the same broker: the bound
    accepted_per_s  acknowledgements a second to devices that go through rounds as fast as they can: ready, assign,
                    update, ack; every update is checked, committed and folded
    bare_per_s      answers a second of a bare paho client to the same devices on the same broker: the bound
    secured         the first and the third with signatures and TLS; those above have signatures, on plain TCP
    unsecured       the same with neither, in turn with the secured ones
    ratio           how many times as long the secured ones take

The coordinator is a process of its own, and so are the devices; all of them share this machine's cores. The coordinator
commits to the disk. The devices' outboxes are in memory where the system has a memory file system: in practice
every device has a disk of its own, and here they would queue for one.
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from pathlib import Path

import command_line
from machine import machine
from mfpt_shared.errors import MfptError, UsageError
from round_bench.flood import accepted_updates, bare_updates
from round_bench.payloads import update_bytes
from round_bench.processes import fresh_broker
from round_bench.protection import DEVICES, Compared, compare
from round_bench.rounds import LEAST_ROUNDS, bare_round_ms, noop_round_ms
from round_bench.sizes import Sizes


class Result(Compared):
    """What `--json` prints."""

    noop_round_ms: dict[str, float]
    bare_round_ms: dict[str, float]
    accepted_per_s: int
    bare_per_s: int
    accepted: int
    resynced: int
    update_bytes: int
    machine: str


def main() -> int:
    arguments = _arguments()
    try:
        result = asyncio.run(_measure(_sizes(arguments)))
    except MfptError as error:
        print(f"bench_round: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps(result))
    else:
        _show(result)
    return 0


def _arguments() -> argparse.Namespace:
    parser = command_line.parser("bench_round", __doc__, "--devices 10 --json")
    parser.add_argument(
        "--devices",
        type=command_line.whole_numbers(),
        default=(2, 10, 50),
        help="numbers of devices for rounds (default 2,10,50)",
    )
    parser.add_argument("--rounds", type=int, default=30, help="rounds for each number of devices (default 30)")
    parser.add_argument("--flood-devices", type=int, default=200, help="devices of the flood (default 200)")
    parser.add_argument(
        "--flood-updates", type=int, default=25, help="updates of the flood for each of its devices (default 25)"
    )
    parser.add_argument(
        "--turns", type=int, default=3, help="times that secured and unsecured federations take turns (default 3)"
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="longest that one measurement may take (default 120)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    return parser.parse_args()


def _sizes(arguments: argparse.Namespace) -> Sizes:
    if min(arguments.flood_devices, arguments.flood_updates, arguments.turns) < 1:
        raise UsageError("--flood-devices, --flood-updates and --turns must be 1 or more")
    if arguments.rounds < LEAST_ROUNDS:
        raise UsageError(f"--rounds {arguments.rounds}: give {LEAST_ROUNDS} or more, the first ones only warm up")
    flood = (arguments.flood_devices, arguments.flood_updates)
    return Sizes(arguments.devices, arguments.rounds, *flood, arguments.turns, arguments.limit)


async def _measure(sizes: Sizes) -> Result:
    noop: dict[str, float] = {}
    bare: dict[str, float] = {}
    for devices in sizes.devices:
        async with fresh_broker() as address:
            bare_ms = await asyncio.to_thread(bare_round_ms, address, devices, sizes.rounds, sizes.limit)
        bare[str(devices)] = round(bare_ms, 2)
        with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
            noop[str(devices)] = round(noop_round_ms(Path(folder), devices, sizes, "signed"), 2)
    async with fresh_broker() as address:
        answered = await asyncio.to_thread(bare_updates, address, sizes)
    with tempfile.TemporaryDirectory(prefix="mfpt-bench-") as folder:
        accepted = accepted_updates(Path(folder), sizes, "signed")
    return {
        "noop_round_ms": noop,
        "bare_round_ms": bare,
        "accepted_per_s": round(accepted.accepted / accepted.seconds),
        "bare_per_s": round(answered.accepted / answered.seconds),
        "accepted": accepted.accepted,
        "resynced": accepted.resynced,
        "update_bytes": update_bytes(),
        **compare(sizes),
        "machine": f"{machine()}, Python {platform.python_version()}",
    }


def _show(result: Result) -> None:
    print("devices   no-op round   bare paho   ratio")
    for devices, value in result["noop_round_ms"].items():
        bare = result["bare_round_ms"][devices]
        print(f"{devices:>7} {value:>10.1f} ms {bare:>8.1f} ms {value / bare:>7.1f}")
    accepted, bound = result["accepted_per_s"], result["bare_per_s"]
    print(f"accepted  {accepted:>8} updates/s; bare paho {bound} updates/s; {accepted / bound:.0%} of the bound")
    secured, unsecured, ratio = result["secured"], result["unsecured"], result["ratio"]
    print(
        f"with signatures and TLS: {secured['noop_round_ms']:.1f} ms with {DEVICES} devices, "
        f"{secured['accepted_per_s']:.0f} updates/s; with neither: {unsecured['noop_round_ms']:.1f} ms, "
        f"{unsecured['accepted_per_s']:.0f} updates/s; {ratio['noop_round_ms']:.2f} and "
        f"{ratio['accepted_per_s']:.2f} times as long"
    )
    print(
        f"{result['accepted']} updates of {result['update_bytes']} bytes accepted, {result['resynced']} resynced; "
        f"{result['machine']}"
    )


if __name__ == "__main__":
    sys.exit(main())
