"""What ApiVersions says of the broker, and to whom it says it."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from pybroker.handlers.offers import OFFERS
from pybroker.testing.memory import connect_in_memory
from pybroker.wire.codec import decode
from pybroker.wire.framing import frame
from pybroker.wire.headers import request_header
from pybroker.wire.messages import ApiVersionsRequest, ApiVersionsResponse


def asked(make_server: Any, in_trio: Any, request: ApiVersionsRequest, version: int) -> ApiVersionsResponse:
    """The answer of a bare server to one request."""
    answers: list[ApiVersionsResponse] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            answers.append(await client.ask(request, version))
            await client.aclose()

    in_trio(main)
    return answers[0]


def named(**fields: Any) -> ApiVersionsRequest:
    """A request of a client that names itself properly."""
    return ApiVersionsRequest(client_software_name="test", client_software_version="1.0", **fields)


@pytest.mark.parametrize("version", range(6))
def test_lists_what_is_registered(make_server: Any, in_trio: Any, version: int) -> None:
    """Every version lists the registered APIs in the order of their keys, and nothing else."""
    response = asked(make_server, in_trio, named(), version)
    assert response.error_code == 0
    assert [api.api_key for api in response.api_keys] == sorted(OFFERS)


@pytest.mark.parametrize(("version", "names"), [(2, 0), (3, 1), (4, 7), (5, 7)])
def test_features_by_version(make_server: Any, in_trio: Any, version: int, names: int) -> None:
    """Features come with version 3; those whose lowest version is 0 only with version 4."""
    assert len(asked(make_server, in_trio, named(), version).supported_features) == names


def test_the_version_of_kraft(make_server: Any, in_trio: Any, bare_state: Any) -> None:
    """It is among the finalized features from level 1 on, although no feature record says it."""
    finalized = []
    for bare_state.cluster.kraft_version in (0, 1):
        features = asked(make_server, in_trio, named(), 4).finalized_features
        finalized.append([(one.name, one.max_version_level, one.min_version_level) for one in features])
    metadata_version = ("metadata.version", 33, 33)
    assert finalized == [[metadata_version], [("kraft.version", 1, 1), metadata_version]]


@pytest.mark.parametrize("name", ["", "-bad", "bad-", "with space", "ünicode"])
def test_software_name(make_server: Any, in_trio: Any, name: str) -> None:
    """From version 3 on, a client whose name is no name is refused with empty lists."""
    request = ApiVersionsRequest(client_software_name=name, client_software_version="1")
    response = asked(make_server, in_trio, request, 3)
    assert response.error_code == 42
    assert response.api_keys == []
    assert asked(make_server, in_trio, request, 2).error_code == 0


@pytest.mark.parametrize(
    ("cluster_id", "node_id", "code"),
    [(None, -1, 0), ("cluster", 1, 0), ("cluster", -1, 42), (None, 1, 42), ("other", 1, 129), ("cluster", 2, 129)],
)
def test_cluster_and_node(make_server: Any, in_trio: Any, cluster_id: str | None, node_id: int, code: int) -> None:
    """A client that means another cluster or node must bootstrap again; half a target is no target."""
    assert asked(make_server, in_trio, named(cluster_id=cluster_id, node_id=node_id), 5).error_code == code


@pytest.mark.parametrize("version", [-1, 6, 99, 32767])
def test_unknown_versions(make_server: Any, in_trio: Any, version: int) -> None:
    """A version that nobody knows is answered in version 0, with the range of ApiVersions alone."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            client = connect_in_memory(make_server(), nursery)
            await client.stream.send_all(frame(request_header(18, version, 5, None) + b"\1\2\3"))
            response, end = decode(ApiVersionsResponse, 0, payload := await client.receive_frame(), 4)
            assert end == len(payload)
            assert response == ApiVersionsResponse(
                error_code=35, api_keys=[ApiVersionsResponse.ApiVersion(api_key=18, min_version=0, max_version=5)]
            )
            assert (await client.ask(ApiVersionsRequest(), 0)).error_code == 0
            await client.aclose()

    in_trio(main)
