"""`flush` is true only when the broker has confirmed every message."""

import asyncio
import os
import signal
import time
from pathlib import Path

from mfpt_shared.transport.mqtt import MqttTransport
from support.brokers import embedded
from support.links import Link, Play, connected
from support.proxy import Proxy
from support.systems import linux_only


def test_flush_tells_that_everything_was_confirmed(play: Play) -> None:
    async def scenario(link: Link) -> None:
        client, _ = await connected(link, "a")
        for _ in range(100):
            client.publish("t", bytes(1000))

        assert await asyncio.wait_for(client.flush(10), 20)

    play(scenario)


def test_flush_waits_for_the_newest_message_even_if_an_earlier_one_was_just_confirmed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker, Proxy(broker.address) as proxy:
            client = MqttTransport(proxy.address, "a")
            await client.connect()
            client.publish("t", b"confirmed")
            assert await client.flush(10)
            proxy.hold()
            client.publish("t", b"unconfirmed")

            assert not await client.flush(0.3)

            await proxy.mend()
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


@linux_only
def test_flush_is_not_fooled_by_a_confirmation_that_came_while_the_loop_was_busy(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with embedded(tmp_path) as broker:
            client = MqttTransport(broker.address, "a")
            await client.connect()
            server = int((tmp_path / "nats.pid").read_text(encoding="ascii"))
            client.publish("t", b"confirmed while the loop is busy")
            time.sleep(0.3)  # the event loop is held up on purpose
            stop(server)
            try:
                client.publish("t", b"unconfirmed")

                assert not await client.flush(0.5)
            finally:
                os.kill(server, signal.SIGCONT)
            assert await client.flush(10)
            await client.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def stop(process: int) -> None:
    """Stop a process, and wait until none of its threads runs any more: each one stops when it gets to it."""
    os.kill(process, signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while any("State:\tT" not in file.read_text("ascii") for file in Path(f"/proc/{process}/task").glob("*/status")):
        assert time.monotonic() < deadline, "it does not stop"
        time.sleep(0.01)  # nothing tells when the last thread has stopped
