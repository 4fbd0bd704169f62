"""DescribeCluster: the brokers and the controller, without topics."""

from __future__ import annotations

from typing import Any

from pybroker.handlers.authorized import CLUSTER_OPERATIONS, NOT_ASKED
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode
from pybroker.wire.messages import DescribeClusterRequest

BROKERS = 1
CONTROLLERS = 2


@handles(DescribeClusterRequest, versions=(0, 2), cacheable=True)
async def describe_cluster(context: RequestContext, request: Any) -> Any:
    """Tell the cluster's id, its controller and its brokers (KIP-700).

    Versions   1: brokers or controllers are asked for (KIP-919)   2: fenced brokers too (KIP-1073)
    Behaviour  A broker does not answer for the controllers.
    """
    if request.endpoint_type != BROKERS:
        return _refused(request.endpoint_type)
    cluster = context.state.cluster
    host, port = context.advertised_address()
    broker_class = messages.DescribeClusterResponse.DescribeClusterBroker
    context.keep_answer = True
    return messages.DescribeClusterResponse(
        cluster_id=cluster.cluster_id,
        controller_id=context.state.node_id,
        brokers=[
            broker_class(broker_id=broker.broker_id, host=host, port=port, rack=broker.rack, is_fenced=broker.fenced)
            for broker in cluster.brokers.values()
            if request.include_fenced_brokers or not broker.fenced
        ],
        cluster_authorized_operations=CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else NOT_ASKED,
    )


def _refused(endpoint_type: int) -> Any:
    if endpoint_type == CONTROLLERS:
        code, text = (
            ErrorCode.MISMATCHED_ENDPOINT_TYPE,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
        )
    else:
        code, text = ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, f"Unsupported endpoint type {endpoint_type}"
    return messages.DescribeClusterResponse(error_code=code, error_message=text)
