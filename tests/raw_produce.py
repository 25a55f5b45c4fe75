"""Writes record batches to a broker as they are, also such as no client library would write."""

import asyncio
from collections.abc import Sequence

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.structs import TopicPartition

_TIMEOUT_MS = 30_000


def produce(bootstrap: str, topic: str, partition: int, batches: Sequence[bytes]) -> None:
    """Write batches to a partition, one after the other.

    Raises:
        KafkaError: When the broker refuses one.
    """
    asyncio.run(_produce(bootstrap, TopicPartition(topic, partition), batches))


async def _produce(bootstrap: str, place: TopicPartition, batches: Sequence[bytes]) -> None:
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    await client.bootstrap()
    try:
        client.set_topics([place.topic])
        await client.force_metadata_update()
        leader = client.cluster.leader_for_partition(place)
        for batch in batches:
            request = ProduceRequest(None, -1, _TIMEOUT_MS, [(place.topic, [(place.partition, batch)])])
            response = await client.send(leader, request)
            ((_, ((_, code, *_),)),) = response.topics
            if code:
                raise for_code(code)(f"{place}: the broker refused a batch of {len(batch):,} bytes")
    finally:
        await client.close()
