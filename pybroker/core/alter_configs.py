"""AlterConfigs, which replaces all that a resource sets, and IncrementalAlterConfigs, which changes it piece by piece (KIP-339).

Rules
- Each resource is decided alone: one bad configuration spoils the others of its resource and nothing else.
- A resource named twice is refused both times; a key named twice spoils its resource.
- Deleting what is not set, or what nobody knows, is no error.
- A request that is too long (`check_length`) is refused as a whole.
- A request may be wrong in several ways, and clients see only the first: keys, null values and the broker's id, then operations, then the
  resource's name, then values, and last whether there is such a topic.

(Kafka: ConfigAdminManager for what the broker refuses before the controller sees it, ConfigurationControlManager for the rest.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from pybroker.core.broker_changes import check_broker_change
from pybroker.core.cluster import ResourceType
from pybroker.core.config_checks import check_client_metrics, check_group
from pybroker.core.config_definitions import ConfigType, definition, format_value
from pybroker.core.controller import ControllerDecision, ControllerView, check_length
from pybroker.core.java_text import parse_integer, split_at_commas
from pybroker.core.topic_names import check_name
from pybroker.wire import messages
from pybroker.wire.errors import ErrorCode, KafkaError

Changes = dict[str, str | None]

KINDS = {
    ResourceType.TOPIC: "topic",
    ResourceType.BROKER: "broker",
    ResourceType.GROUP: "group",
    ResourceType.CLIENT_METRICS: "client_metrics",
}
RESOURCE_TYPES = frozenset(int(kind) for kind in KINDS)
KINDS_WITH_LISTS = frozenset({ResourceType.TOPIC, ResourceType.BROKER})  # to Kafka's controller no other kind has lists


class Operation(IntEnum):
    """What IncrementalAlterConfigs does to one key (AlterConfigOp.OpType)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


def alter_configs(view: ControllerView, request: Any) -> ControllerDecision:
    """Decide an AlterConfigsRequest: what a resource sets becomes what the request says, no more."""
    response = messages.AlterConfigsResponse()
    return _decide(view, request, response, response.AlterConfigsResourceResponse, _replacement)


def incremental_alter_configs(view: ControllerView, request: Any) -> ControllerDecision:
    """Decide an IncrementalAlterConfigsRequest."""
    response = messages.IncrementalAlterConfigsResponse()
    return _decide(view, request, response, response.AlterConfigsResourceResponse, _increments)


def _decide(
    view: ControllerView, request: Any, response: Any, answer: Any, changes_of: Callable[[ControllerView, Any], Changes]
) -> ControllerDecision:
    check_length(sum(1 + len(resource.configs) for resource in request.resources))
    decision = ControllerDecision(response=response)
    counts = Counter((resource.resource_type, resource.resource_name) for resource in request.resources)
    for resource in request.resources:
        key = (resource.resource_type, resource.resource_name)
        code, message = ErrorCode.NONE, None
        try:
            if counts[key] > 1:
                raise _refused("Each resource must appear at most once.")
            decision.records += _records(view, key, changes_of(view, resource))
        except KafkaError as error:
            code, message = error.code, error.message
        response.responses.append(answer(error_code=code, error_message=message, resource_type=key[0], resource_name=key[1]))
    if request.validate_only:
        decision.records = []
    return decision


def _records(view: ControllerView, resource: tuple[int, str], changes: Changes) -> list[Any]:
    """The records of one resource's changes, after checking what the resource would have."""
    current = view.image.config_overrides(*resource)
    resulting = {name: value for name, value in {**current, **changes}.items() if value is not None}
    _check_name(*resource)
    _check_result(view, resource, changes, resulting)
    _check_insync_replicas(resource, changes)
    if resource[0] == ResourceType.TOPIC and resource[1] not in view.image.topics:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"The topic '{resource[1]}' does not exist.")
    # Kafka writes an unchanged broker setting again too, so that key stores are read anew (KAFKA-14136).
    return [
        messages.ConfigRecord(resource_type=resource[0], resource_name=resource[1], name=name, value=value)
        for name, value in changes.items()
        if value != current.get(name) or resource[0] == ResourceType.BROKER
    ]


def _check_result(view: ControllerView, resource: tuple[int, str], changes: Changes, resulting: dict[str, str]) -> None:
    resource_type, name = resource
    if resource_type == ResourceType.TOPIC:
        view.settings.validate_topic(resulting)
    elif resource_type == ResourceType.BROKER:
        check_broker_change(view.settings, view.local.paths.values(), name, changes, resulting)
    elif resource_type == ResourceType.GROUP:
        check_group(view.settings, resulting)
    elif resource_type == ResourceType.CLIENT_METRICS:
        check_client_metrics(resulting)


def _check_insync_replicas(resource: tuple[int, str], changes: Changes) -> None:
    """With eligible leader replicas all brokers must agree on the default of min.insync.replicas (KIP-966)."""
    if resource[0] != ResourceType.BROKER or "min.insync.replicas" not in changes:
        return
    if resource[1]:
        raise KafkaError(ErrorCode.INVALID_CONFIG, "Broker-level min.insync.replicas cannot be altered while ELR is enabled.")
    if changes["min.insync.replicas"] is None:
        raise KafkaError(ErrorCode.INVALID_CONFIG, "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.")


def check_node_id(name: str, node_id: int, expected: str, kind: str = "Node") -> None:
    """Refuse the name of another node than this one. Raises INVALID_REQUEST; `expected` begins what it says."""
    if _node_id(name, kind) != node_id:
        raise _refused(f"{expected} but received {name}")


def _node_id(name: str, kind: str = "Node") -> int:
    try:
        return parse_integer(name, bits=32)
    except ValueError:
        raise _refused(f"{kind} id must be an integer, but it is: {name}") from None


def _check_broker(view: ControllerView, resource: Any) -> None:
    if resource.resource_type == ResourceType.BROKER and resource.resource_name:
        check_node_id(resource.resource_name, view.node_id, f"Unexpected broker id, expected {view.node_id},")


def _check_type(resource: Any) -> None:
    if resource.resource_type not in RESOURCE_TYPES:
        raise _refused(f"Unknown resource type {resource.resource_type}")


def _check_name(resource_type: int, name: str) -> None:
    if resource_type == ResourceType.TOPIC and name:
        check_name(name)
    elif resource_type in (ResourceType.TOPIC, ResourceType.GROUP) and not name:
        raise _refused(f"Default {KINDS[ResourceType(resource_type)]} resources are not allowed.")
    elif resource_type == ResourceType.CLIENT_METRICS and not name:
        raise _refused("Subscription name can't be empty")


def _check_loggers(view: ControllerView, resource: Any) -> None:
    """This broker has no loggers whose level could be changed, so none that is named exists."""
    node_id = _node_id(resource.resource_name)
    if node_id != view.node_id:
        raise _refused(f"Unexpected node id. Expected {view.node_id}, but received {node_id}")
    for one in resource.configs:
        if one.config_operation in (Operation.SET, Operation.DELETE):
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"Logger {one.name} does not exist!")
        known = one.config_operation in Operation.__members__.values()
        what = f"{Operation(one.config_operation).name} operation" if known else f"Unknown operation type {one.config_operation}"
        raise _refused(f"{what} is not allowed for the BROKER_LOGGER resource")


def _replacement(view: ControllerView, resource: Any) -> Changes:
    wanted = {config.name: config.value for config in resource.configs}
    _check_updates(resource, [config.name for config in resource.configs if config.value is None])
    _check_broker(view, resource)
    _check_type(resource)
    current = view.image.config_overrides(resource.resource_type, resource.resource_name)
    return {**dict.fromkeys(current), **wanted}


def _increments(view: ControllerView, resource: Any) -> Changes:
    _check_updates(resource, [one.name for one in resource.configs if one.value is None and one.config_operation != Operation.DELETE])
    if resource.resource_type == ResourceType.BROKER_LOGGER:
        _check_loggers(view, resource)
        return {}
    _check_broker(view, resource)
    _check_operations(resource)
    _check_type(resource)
    current = view.image.config_overrides(resource.resource_type, resource.resource_name)
    return {one.name: _increment(resource.resource_type, current, one) for one in resource.configs}


def _check_operations(resource: Any) -> None:
    for one in resource.configs:
        if one.config_operation not in Operation.__members__.values():
            if resource.resource_type == ResourceType.BROKER:
                raise _refused(f"Unknown operations type {one.config_operation}")
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)  # Kafka's controller fails without having a word for it


def _increment(resource_type: int, current: Mapping[str, str], config: Any) -> str | None:
    if config.config_operation == Operation.SET:
        return str(config.value)
    if config.config_operation == Operation.DELETE:
        return None
    found = definition(KINDS[ResourceType(resource_type)], config.name)
    if found is None or found.type is not ConfigType.LIST or resource_type not in KINDS_WITH_LISTS:
        raise KafkaError(ErrorCode.INVALID_CONFIG, _why_no_list(resource_type, config, found is not None))
    text = current.get(config.name, format_value(found.default, found.type))
    items = [item for item in text.split(",") if item] if text else []
    given = split_at_commas(config.value)
    if config.config_operation == Operation.APPEND:
        items += [item for item in given if item not in items]
    else:
        items = [item for item in items if item not in given]
    return ",".join(items)


def _why_no_list(resource_type: int, config: Any, is_known: bool) -> str:
    name = Operation(config.config_operation).name
    if resource_type != ResourceType.BROKER:
        return f"Can't {name} to key {config.name} because its type is not LIST."
    if not is_known:
        return f"Unknown config name: {config.name}"
    return f"Config value {name.lower()} is not allowed for config key: {config.name}"


def _check_updates(resource: Any, nulls: list[str]) -> None:
    names = [config.name for config in resource.configs]
    if len(set(names)) < len(names):
        raise _refused("Error due to duplicate config keys")
    if nulls:
        raise _refused(f"Null value not supported for : {', '.join(nulls)}")


def _refused(message: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
