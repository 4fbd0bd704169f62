"""DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources."""

from __future__ import annotations

from typing import Any

from pybroker.core.alter_configs import check_node_id
from pybroker.core.cluster import ResourceType
from pybroker.core.config_documentation import document
from pybroker.core.config_entries import (
    ConfigEntry,
    broker_entries,
    client_metrics_entries,
    default_broker_entries,
    group_entries,
    topic_entries,
)
from pybroker.core.topic_names import check_name
from pybroker.handlers.context import RequestContext
from pybroker.handlers.registry import handles
from pybroker.runtime.seams import ClusterView
from pybroker.runtime.state import BrokerState
from pybroker.runtime.turns import Turns
from pybroker.wire import messages
from pybroker.wire.errors import INVALID_REQUEST_TEXT, ErrorCode, KafkaError
from pybroker.wire.messages import (
    AlterConfigsRequest,
    DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
    ListConfigResourcesRequest,
)

DOCUMENTED_KINDS = {
    ResourceType.TOPIC: "topic",
    ResourceType.BROKER: "broker",
    ResourceType.GROUP: "group",
    ResourceType.CLIENT_METRICS: "client_metrics",
}


@handles(DescribeConfigsRequest, versions=(1, 4))
async def describe_configs(context: RequestContext, request: Any) -> Any:
    """Tell configurations of topics, brokers, groups and telemetry subscriptions, with where each value comes from (KIP-133).

    Versions   1: sources and synonyms (KIP-226)   3: types and documentation (KIP-569)
    Behaviour  Null keys and no keys both mean all. The broker with the empty name is what was set for all brokers while they run.
               Documentation says which values are taken and what counts if none is given; Kafka's own texts say what a setting is for.
    Not done   A broker's loggers: there are none to be told.
    """
    results, turns = [], Turns()
    for resource in request.resources:
        results.append(_describe(context.state, resource, request))
        await turns.step(1 + len(results[-1].configs))
    return messages.DescribeConfigsResponse(results=results)


def _describe(state: BrokerState, resource: Any, request: Any) -> Any:
    result = messages.DescribeConfigsResponse.DescribeConfigsResult(
        error_code=ErrorCode.NONE, error_message="", resource_type=resource.resource_type, resource_name=resource.resource_name
    )
    try:
        entries = _entries(state, resource.resource_type, resource.resource_name, resource.configuration_keys)
        kind = DOCUMENTED_KINDS.get(resource.resource_type) if request.include_documentation else None
        result.configs = [_told(entry, request.include_synonyms, kind) for entry in entries]
    except KafkaError as error:
        result.error_code, result.error_message = error.code, error.message or ""
    return result


def _entries(state: BrokerState, resource_type: int, name: str, keys: list[str] | None) -> list[ConfigEntry]:
    overrides = state.cluster.config_overrides(resource_type, name)
    if resource_type == ResourceType.TOPIC:
        check_name(name)
        if name not in state.cluster.topics:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None)
        return topic_entries(state.settings, overrides, keys)
    if resource_type == ResourceType.BROKER:
        return _broker_entries(state, name, keys)
    if resource_type == ResourceType.BROKER_LOGGER:
        if not name:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Broker id must not be empty")
        check_node_id(name, state.node_id, f"Unexpected broker id, expected {state.node_id}", "Broker")
        return []
    if resource_type not in (ResourceType.GROUP, ResourceType.CLIENT_METRICS):
        raise KafkaError(ErrorCode.INVALID_REQUEST, INVALID_REQUEST_TEXT)
    if not name:
        kind = "Group" if resource_type == ResourceType.GROUP else "Client metrics subscription"
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{kind} name must not be empty")
    if resource_type == ResourceType.GROUP:
        return group_entries(state.settings, overrides, keys)
    return client_metrics_entries(overrides, keys)


def _broker_entries(state: BrokerState, name: str, keys: list[str] | None) -> list[ConfigEntry]:
    if not name:
        return default_broker_entries(state.settings, keys)
    check_node_id(name, state.node_id, f"Unexpected broker id, expected {state.node_id} or empty string,", "Broker")
    return broker_entries(state.settings, keys)


def _told(entry: ConfigEntry, with_synonyms: bool, documented_kind: str | None) -> Any:
    response = messages.DescribeConfigsResponse
    synonyms = entry.synonyms if with_synonyms else []
    return response.DescribeConfigsResourceResult(
        name=entry.name,
        value=entry.value,
        read_only=entry.read_only,
        config_source=entry.source,
        is_sensitive=entry.is_sensitive,
        synonyms=[response.DescribeConfigsSynonym(name=one.name, value=one.value, source=one.source) for one in synonyms],
        config_type=entry.type,
        documentation=document(documented_kind, entry.name) if documented_kind is not None else None,
    )


@handles(AlterConfigsRequest, versions=(0, 2))
async def alter_configs(context: RequestContext, request: Any) -> Any:
    """Replace what resources set by what the request says (KIP-133).

    Behaviour  Each resource is changed or refused alone; more than 10,000 resources and settings are refused as a whole.
    Not done   alter.config.policy.class.name. A resource named twice is refused; Kafka 4.4.0 never answers that.
    """
    await context.flush()
    try:
        return await context.state.controller.alter_configs(request)
    except KafkaError as error:
        return await _all_failed(messages.AlterConfigsResponse, request, error)


@handles(IncrementalAlterConfigsRequest, versions=(0, 1))
async def incremental_alter_configs(context: RequestContext, request: Any) -> Any:
    """Set, delete, append to and subtract from single configurations (KIP-339).

    Behaviour  Each resource is changed or refused alone; more than 10,000 resources and settings are refused as a whole.
    Not done   alter.config.policy.class.name, levels of loggers, settings of one broker alone (listeners, key stores).
    """
    await context.flush()
    try:
        return await context.state.controller.incremental_alter_configs(request)
    except KafkaError as error:
        return await _all_failed(messages.IncrementalAlterConfigsResponse, request, error)


async def _all_failed(response_class: Any, request: Any, error: KafkaError) -> Any:
    def fail(resource: Any) -> Any:
        return response_class.AlterConfigsResourceResponse(
            error_code=error.code,
            error_message=error.message,
            resource_type=resource.resource_type,
            resource_name=resource.resource_name,
        )

    return response_class(responses=await Turns().each(fail, request.resources))


@handles(ListConfigResourcesRequest, versions=(0, 1))
async def list_config_resources(context: RequestContext, request: Any) -> Any:
    """Name the resources that can have configurations (KIP-714, KIP-1142).

    Versions   0: telemetry subscriptions only   1: by type; none asked for means all
    Behaviour  Groups and telemetry subscriptions are listed when they set something; topics and brokers always.
    """
    known = [int(kind) for kind in ResourceType]
    wanted = (request.resource_types or known) if context.api_version > 0 else [ResourceType.CLIENT_METRICS]
    if not set(wanted) <= set(known):
        return messages.ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    resource_class = messages.ListConfigResourcesResponse.ConfigResource
    found = [
        resource_class(resource_name=name, resource_type=kind)
        for kind in dict.fromkeys(wanted)
        for name in _names(context.state.cluster, kind)
    ]
    return messages.ListConfigResourcesResponse(config_resources=found)


def _names(cluster: ClusterView, kind: int) -> list[str]:
    if kind == ResourceType.TOPIC:
        return list(cluster.topics)
    if kind in (ResourceType.BROKER, ResourceType.BROKER_LOGGER):
        return [str(broker_id) for broker_id in cluster.brokers]
    return [name for resource_type, name in cluster.configs if resource_type == kind]
