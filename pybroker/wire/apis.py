"""The 79 APIs of a broker listener: names, versions, where tagged fields and the longer headers begin.

`min_version`..`max_version` have schemas. `advertised_*` is what ApiVersions of Kafka 4.4.0 says, which differs twice: Produce is
advertised from 0, for clients that look no further, and the unstable InitProducerId 6 is not advertised.
"""

import json
from typing import NamedTuple

from pybroker.wire import messages
from pybroker.wire.base import Message
from pybroker.wire.spec import read_resource

NEVER = 32767
"""In place of a version: no version does this."""


class Api(NamedTuple):
    """One api key."""

    key: int
    name: str
    min_version: int
    max_version: int
    advertised_min_version: int
    advertised_max_version: int
    request_header_v2_from: int
    response_header_v1_from: int
    cluster_action: bool
    forwardable: bool


def _load() -> dict[int, Api]:
    data = read_resource("apis.json")
    assert data is not None, "the package data of protocol_specs is missing"
    apis = {}
    for row in json.loads(data):
        apis[row["key"]] = Api(
            key=row["key"],
            name=row["name"],
            min_version=row["min"],
            max_version=row["max"],
            advertised_min_version=row["advertisedMin"],
            advertised_max_version=row["advertisedMax"],
            request_header_v2_from=_from(row["requestHeaderV2From"]),
            response_header_v1_from=_from(row["responseHeaderV1From"]),
            cluster_action=row["clusterAction"],
            forwardable=row["forwardable"],
        )
    return apis


def _from(version: int | None) -> int:
    return NEVER if version is None else version


APIS: dict[int, Api] = _load()
"""By api key, ascending."""

_BY_NAME = {api.name: api for api in APIS.values()}


def find_api(name_or_key: str | int) -> Api:
    """An API by key (`3`, `"3"`) or name (`"Metadata"`, in any case). KeyError if there is none."""
    text = str(name_or_key)
    if text.isdecimal():
        return APIS[int(text)]
    for name, api in _BY_NAME.items():
        if name.lower() == text.lower():
            return api
    raise KeyError(name_or_key)


def request_class(api_key: int) -> type[Message]:
    """The request's message class; KeyError for a key that a broker listener does not know."""
    return messages.message_class(APIS[api_key].name + "Request")


def response_class(api_key: int) -> type[Message]:
    """The response's message class; KeyError for a key that a broker listener does not know."""
    return messages.message_class(APIS[api_key].name + "Response")
