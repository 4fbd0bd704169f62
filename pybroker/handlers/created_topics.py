"""CreateTopics answers written fast: topics made alike share the bytes of their configurations.

From version 5 each topic is answered with its 37 configurations, nearly always the defaults: for a thousand topics that would be 37,000
structures to write. The controller gives topics with the same configurations one and the same list, so each list is written once. In these
versions the configurations are a topic's last field, with only the empty tag section behind them; the codec's bytes for a topic without
configurations are cut there, and the list's bytes put in.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pybroker.wire import messages
from pybroker.wire.base import Encoder
from pybroker.wire.codec import encoder_of
from pybroker.wire.primitives import varint

FIRST_VERSION_WITH_CONFIGS = 5
HEAD_SIZE = 5  # throttle time, and the length of an array of one topic
NO_CONFIGS = b"\x01"
NO_TAGS = b"\x00"


def with_shared_configs(response: Any) -> Any:
    """The same answer in a class whose encoders write each list of configurations once."""
    return _shared_class()(throttle_time_ms=response.throttle_time_ms, topics=response.topics)


@cache
def _shared_class() -> Any:
    plain: Any = messages.CreateTopicsResponse
    encoders = {
        version: encoder_of(plain, version) if version < FIRST_VERSION_WITH_CONFIGS else _sharing_encoder(version)
        for version in range(plain.MIN_VERSION, plain.MAX_VERSION + 1)
    }
    return type(plain.__name__, (plain,), {"__slots__": (), "_encoders": encoders})


def _sharing_encoder(version: int) -> Encoder:
    plain: Any = messages.CreateTopicsResponse

    def encode_one(response: Any) -> bytes:
        out: list[Any] = []
        encoder_of(plain, version)(response, out, [])
        return b"".join(out)

    def encode(response: Any, out: list[Any], _: list[int]) -> None:
        shared: dict[int, bytes] = {}
        carrier = plain(throttle_time_ms=response.throttle_time_ms, topics=[None])
        out += (encode_one(plain(throttle_time_ms=response.throttle_time_ms))[:4], varint(len(response.topics) + 1))
        for topic in response.topics:
            carrier.topics[0] = topic
            configs, topic.configs = topic.configs, []
            try:
                bare = encode_one(carrier)[HEAD_SIZE : -len(NO_CONFIGS + NO_TAGS + NO_TAGS)]
            finally:
                topic.configs = configs
            if id(configs) not in shared:
                shared[id(configs)] = encode_one(carrier)[HEAD_SIZE + len(bare) : -len(NO_TAGS)]
            out += (bare, shared[id(configs)])
        out.append(NO_TAGS)

    return encode
