"""ApiVersions: which APIs and features this broker has, and whether the client found the cluster it looks for."""

from __future__ import annotations

import re

from pybroker.handlers.context import RequestContext
from pybroker.handlers.offers import OFFERS
from pybroker.handlers.registry import handles
from pybroker.wire.apis import find_api
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import ApiVersionsRequest, ApiVersionsResponse

# Kafka 4.4.0's Feature enum: the ranges a broker can work at, whatever level is finalized.
SUPPORTED_FEATURES: dict[str, tuple[int, int]] = {
    "eligible.leader.replicas.version": (0, 1),
    "group.version": (0, 1),
    "kraft.version": (0, 1),
    "metadata.version": (7, 33),
    "share.version": (0, 2),
    "streams.version": (0, 1),
    "transaction.version": (0, 2),
}

# ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN (KIP-511)
_SOFTWARE_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")


@handles(ApiVersionsRequest, versions=(0, 5), cacheable=True)
async def api_versions(context: RequestContext, request: ApiVersionsRequest) -> ApiVersionsResponse:
    """List the APIs that are built, with the versions offered of each, and the features of the cluster.

    Versions   3: the client names its software (KIP-511), features (KIP-584)   4: features whose lowest version is 0 (KIP-1022)
               5: the client may say which cluster and node it means (KIP-1242)
    Behaviour  A version that is not known is answered in version 0, with the range of this API alone (see `refuse_version`).
               A refusal carries empty lists and leaves the connection open.
    """
    version = context.api_version
    if version >= 3 and not (_is_name(request.client_software_name) and _is_name(request.client_software_version)):
        return ApiVersionsResponse(error_code=ErrorCode.INVALID_REQUEST)
    error = _check_target(context, request)
    if error:
        return ApiVersionsResponse(error_code=error)
    cluster = context.state.cluster
    features = {**cluster.features, "kraft.version": cluster.kraft_version}
    context.keep_answer = True
    return ApiVersionsResponse(
        api_keys=[_offer(api_key) for api_key in OFFERS],
        supported_features=_supported(version),
        finalized_features_epoch=cluster.offset,
        finalized_features=[
            ApiVersionsResponse.FinalizedFeatureKey(name=name, max_version_level=level, min_version_level=level)
            for name, level in sorted(features.items())
            if level > 0
        ],
    )


def _is_name(text: str) -> bool:
    return _SOFTWARE_NAME.fullmatch(text) is not None


async def refuse_version(context: RequestContext, request: None) -> ApiVersionsResponse:
    """The answer, in version 0, to an ApiVersions request of a version that is not known (KIP-511)."""
    return ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=[_offer(find_api("ApiVersions").key)])


def _check_target(context: RequestContext, request: ApiVersionsRequest) -> ErrorCode:
    """Cluster and node must both be given or neither; a client that means another one must bootstrap again (KIP-1242)."""
    if request.cluster_id is None and request.node_id == -1:
        return ErrorCode.NONE
    if request.cluster_id is None or request.node_id == -1:
        return ErrorCode.INVALID_REQUEST
    if request.cluster_id == context.state.cluster.cluster_id and request.node_id == context.state.node_id:
        return ErrorCode.NONE
    return ErrorCode.REBOOTSTRAP_REQUIRED


def _offer(api_key: int) -> ApiVersionsResponse.ApiVersion:
    offer = OFFERS[api_key]
    return ApiVersionsResponse.ApiVersion(api_key=api_key, min_version=offer.min_version, max_version=offer.max_version)


def _supported(version: int) -> list[ApiVersionsResponse.SupportedFeatureKey]:
    return [
        ApiVersionsResponse.SupportedFeatureKey(name=name, min_version=low, max_version=high)
        for name, (low, high) in SUPPORTED_FEATURES.items()
        if version >= 4 or low > 0
    ]
