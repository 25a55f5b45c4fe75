"""A bare door: an aiohttp handler that publishes what it is sent, without looking at it; nobody needs a token.

It is what somebody who knows aiohttp would write in an hour, and where in doubt it is given the faster choice: a body
is a JSON array or one event, split by msgspec, of each event only the subject is read, for its key; batches of Kafka
are packed by zstd; nothing is logged or counted.

`python -m tests.bench.bare_door PORT` answers on loopback until it is ended; the settings say where Kafka is.
"""

import asyncio
import sys
from typing import Final

import msgspec
from aiohttp import web
from aiokafka import AIOKafkaProducer
from msgspec import Raw, Struct

from deploy.embedded.lifeline import end_with
from schemas.codec import CONTENT_TYPE, TICKETS
from streams.broker import aiokafka_options
from streams.settings import Settings, load_settings

HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]


class Keyed(Struct):
    """All that it reads of an event."""

    subject: str


async def serve(settings: Settings, port: int) -> None:
    """Answer until cancelled."""
    options = aiokafka_options(settings)
    producer = AIOKafkaProducer(**options, acks="all", compression_type="zstd", max_batch_size=256 * 1024)
    await producer.start()
    lists, keys = msgspec.json.Decoder(list[Raw]), msgspec.json.Decoder(Keyed)
    topic = settings.topic(TICKETS)

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        events = [bytes(event) for event in lists.decode(body)] if body.startswith(b"[") else [body]
        sent = [
            await producer.send(topic, event, keys.decode(event).subject.encode(), headers=HEADERS) for event in events
        ]
        await asyncio.gather(*sent)
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/v1/events", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    if "--owner-pid" in sys.argv:
        end_with(int(sys.argv[sys.argv.index("--owner-pid") + 1]))
    asyncio.run(serve(load_settings(), int(sys.argv[1])))
