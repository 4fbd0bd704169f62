"""Written by `python -m pybroker.wire.stubs` from protocol_specs. Do not edit."""

# ruff: noqa
# fmt: off
from typing import Any

from pybroker.wire.base import Message, Struct

def message_class(name: str) -> type[Message]: ...

class AbortTransactionRecord(Message):
    reason: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        reason: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AbortedTxn(Message):
    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        producer_id: int = 0,
        first_offset: int = 0,
        last_offset: int = 0,
        last_stable_offset: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AccessControlEntryRecord(Message):
    id: bytes
    resource_type: int
    resource_name: str
    pattern_type: int
    principal: str
    host: str
    operation: int
    permission_type: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        id: bytes = ...,
        resource_type: int = 0,
        resource_name: str = '',
        pattern_type: int = 0,
        principal: str = '',
        host: str = '',
        operation: int = 0,
        permission_type: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AddOffsetsToTxnRequest(Message):
    transactional_id: str
    producer_id: int
    producer_epoch: int
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_id: str = '',
        producer_id: int = 0,
        producer_epoch: int = 0,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AddOffsetsToTxnResponse(Message):
    throttle_time_ms: int
    error_code: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AddPartitionsToTxnRequest(Message):
    class AddPartitionsToTxnTopic(Struct):
        name: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AddPartitionsToTxnTransaction(Struct):
        transactional_id: str
        producer_id: int
        producer_epoch: int
        verify_only: bool
        topics: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            transactional_id: str = '',
            producer_id: int = 0,
            producer_epoch: int = 0,
            verify_only: bool = False,
            topics: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    transactions: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction]
    v3_and_below_transactional_id: str
    v3_and_below_producer_id: int
    v3_and_below_producer_epoch: int
    v3_and_below_topics: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactions: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTransaction] = ...,
        v3_and_below_transactional_id: str = '',
        v3_and_below_producer_id: int = 0,
        v3_and_below_producer_epoch: int = 0,
        v3_and_below_topics: list[AddPartitionsToTxnRequest.AddPartitionsToTxnTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AddPartitionsToTxnResponse(Message):
    class AddPartitionsToTxnPartitionResult(Struct):
        partition_index: int
        partition_error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            partition_error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AddPartitionsToTxnTopicResult(Struct):
        name: str
        results_by_partition: list[AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            results_by_partition: list[AddPartitionsToTxnResponse.AddPartitionsToTxnPartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AddPartitionsToTxnResult(Struct):
        transactional_id: str
        topic_results: list[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            transactional_id: str = '',
            topic_results: list[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    results_by_transaction: list[AddPartitionsToTxnResponse.AddPartitionsToTxnResult]
    results_by_topic_v3_and_below: list[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        results_by_transaction: list[AddPartitionsToTxnResponse.AddPartitionsToTxnResult] = ...,
        results_by_topic_v3_and_below: list[AddPartitionsToTxnResponse.AddPartitionsToTxnTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AddRaftVoterRequest(Message):
    class Listener(Struct):
        name: str
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    cluster_id: str | None
    timeout_ms: int
    voter_id: int
    voter_directory_id: bytes
    listeners: list[AddRaftVoterRequest.Listener]
    ack_when_committed: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        cluster_id: str | None = '',
        timeout_ms: int = 0,
        voter_id: int = 0,
        voter_directory_id: bytes = ...,
        listeners: list[AddRaftVoterRequest.Listener] = ...,
        ack_when_committed: bool = True,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AddRaftVoterResponse(Message):
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterClientQuotasRequest(Message):
    class EntityData(Struct):
        entity_type: str
        entity_name: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity_type: str = '',
            entity_name: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OpData(Struct):
        key: str
        value: float
        remove: bool
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: float = 0.0,
            remove: bool = False,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class EntryData(Struct):
        entity: list[AlterClientQuotasRequest.EntityData]
        ops: list[AlterClientQuotasRequest.OpData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity: list[AlterClientQuotasRequest.EntityData] = ...,
            ops: list[AlterClientQuotasRequest.OpData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    entries: list[AlterClientQuotasRequest.EntryData]
    validate_only: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        entries: list[AlterClientQuotasRequest.EntryData] = ...,
        validate_only: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterClientQuotasResponse(Message):
    class EntityData(Struct):
        entity_type: str
        entity_name: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity_type: str = '',
            entity_name: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class EntryData(Struct):
        error_code: int
        error_message: str | None
        entity: list[AlterClientQuotasResponse.EntityData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            entity: list[AlterClientQuotasResponse.EntityData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    entries: list[AlterClientQuotasResponse.EntryData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        entries: list[AlterClientQuotasResponse.EntryData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterConfigsRequest(Message):
    class AlterableConfig(Struct):
        name: str
        value: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            value: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AlterConfigsResource(Struct):
        resource_type: int
        resource_name: str
        configs: list[AlterConfigsRequest.AlterableConfig]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_type: int = 0,
            resource_name: str = '',
            configs: list[AlterConfigsRequest.AlterableConfig] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    resources: list[AlterConfigsRequest.AlterConfigsResource]
    validate_only: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        resources: list[AlterConfigsRequest.AlterConfigsResource] = ...,
        validate_only: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterConfigsResponse(Message):
    class AlterConfigsResourceResponse(Struct):
        error_code: int
        error_message: str | None
        resource_type: int
        resource_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            resource_type: int = 0,
            resource_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    responses: list[AlterConfigsResponse.AlterConfigsResourceResponse]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        responses: list[AlterConfigsResponse.AlterConfigsResourceResponse] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterPartitionReassignmentsRequest(Message):
    class ReassignablePartition(Struct):
        partition_index: int
        replicas: list[int] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            replicas: list[int] | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReassignableTopic(Struct):
        name: str
        partitions: list[AlterPartitionReassignmentsRequest.ReassignablePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[AlterPartitionReassignmentsRequest.ReassignablePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    timeout_ms: int
    allow_replication_factor_change: bool
    topics: list[AlterPartitionReassignmentsRequest.ReassignableTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        timeout_ms: int = 60000,
        allow_replication_factor_change: bool = True,
        topics: list[AlterPartitionReassignmentsRequest.ReassignableTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterPartitionReassignmentsResponse(Message):
    class ReassignablePartitionResponse(Struct):
        partition_index: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            error_message: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReassignableTopicResponse(Struct):
        name: str
        partitions: list[AlterPartitionReassignmentsResponse.ReassignablePartitionResponse]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[AlterPartitionReassignmentsResponse.ReassignablePartitionResponse] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    allow_replication_factor_change: bool
    error_code: int
    error_message: str | None
    responses: list[AlterPartitionReassignmentsResponse.ReassignableTopicResponse]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        allow_replication_factor_change: bool = True,
        error_code: int = 0,
        error_message: str | None = '',
        responses: list[AlterPartitionReassignmentsResponse.ReassignableTopicResponse] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterReplicaLogDirsRequest(Message):
    class AlterReplicaLogDirTopic(Struct):
        name: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AlterReplicaLogDir(Struct):
        path: str
        topics: list[AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            path: str = '',
            topics: list[AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    dirs: list[AlterReplicaLogDirsRequest.AlterReplicaLogDir]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        dirs: list[AlterReplicaLogDirsRequest.AlterReplicaLogDir] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterReplicaLogDirsResponse(Message):
    class AlterReplicaLogDirPartitionResult(Struct):
        partition_index: int
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AlterReplicaLogDirTopicResult(Struct):
        topic_name: str
        partitions: list[AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partitions: list[AlterReplicaLogDirsResponse.AlterReplicaLogDirPartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    results: list[AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        results: list[AlterReplicaLogDirsResponse.AlterReplicaLogDirTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterShareGroupOffsetsRequest(Message):
    class AlterShareGroupOffsetsRequestPartition(Struct):
        partition_index: int
        start_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            start_offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AlterShareGroupOffsetsRequestTopic(Struct):
        topic_name: str
        partitions: list[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partitions: list[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[AlterShareGroupOffsetsRequest.AlterShareGroupOffsetsRequestTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterShareGroupOffsetsResponse(Message):
    class AlterShareGroupOffsetsResponsePartition(Struct):
        partition_index: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AlterShareGroupOffsetsResponseTopic(Struct):
        topic_name: str
        topic_id: bytes
        partitions: list[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            topic_id: bytes = ...,
            partitions: list[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponsePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    responses: list[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponseTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        responses: list[AlterShareGroupOffsetsResponse.AlterShareGroupOffsetsResponseTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterUserScramCredentialsRequest(Message):
    class ScramCredentialDeletion(Struct):
        name: str
        mechanism: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            mechanism: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ScramCredentialUpsertion(Struct):
        name: str
        mechanism: int
        iterations: int
        salt: bytes
        salted_password: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            mechanism: int = 0,
            iterations: int = 0,
            salt: bytes = ...,
            salted_password: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    deletions: list[AlterUserScramCredentialsRequest.ScramCredentialDeletion]
    upsertions: list[AlterUserScramCredentialsRequest.ScramCredentialUpsertion]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        deletions: list[AlterUserScramCredentialsRequest.ScramCredentialDeletion] = ...,
        upsertions: list[AlterUserScramCredentialsRequest.ScramCredentialUpsertion] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class AlterUserScramCredentialsResponse(Message):
    class AlterUserScramCredentialsResult(Struct):
        user: str
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            user: str = '',
            error_code: int = 0,
            error_message: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    results: list[AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        results: list[AlterUserScramCredentialsResponse.AlterUserScramCredentialsResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ApiVersionsRequest(Message):
    client_software_name: str
    client_software_version: str
    cluster_id: str | None
    node_id: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        client_software_name: str = '',
        client_software_version: str = '',
        cluster_id: str | None = None,
        node_id: int = -1,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ApiVersionsResponse(Message):
    class ApiVersion(Struct):
        api_key: int
        min_version: int
        max_version: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            api_key: int = 0,
            min_version: int = 0,
            max_version: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class SupportedFeatureKey(Struct):
        name: str
        min_version: int
        max_version: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            min_version: int = 0,
            max_version: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class FinalizedFeatureKey(Struct):
        name: str
        max_version_level: int
        min_version_level: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            max_version_level: int = 0,
            min_version_level: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    error_code: int
    api_keys: list[ApiVersionsResponse.ApiVersion]
    throttle_time_ms: int
    supported_features: list[ApiVersionsResponse.SupportedFeatureKey]
    finalized_features_epoch: int
    finalized_features: list[ApiVersionsResponse.FinalizedFeatureKey]
    zk_migration_ready: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        api_keys: list[ApiVersionsResponse.ApiVersion] = ...,
        throttle_time_ms: int = 0,
        supported_features: list[ApiVersionsResponse.SupportedFeatureKey] = ...,
        finalized_features_epoch: int = -1,
        finalized_features: list[ApiVersionsResponse.FinalizedFeatureKey] = ...,
        zk_migration_ready: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class BeginTransactionRecord(Message):
    name: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        name: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class BrokerRegistrationChangeRecord(Message):
    broker_id: int
    broker_epoch: int
    fenced: int
    in_controlled_shutdown: int
    log_dirs: list[bytes]
    cordoned_log_dirs: list[bytes] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        broker_id: int = 0,
        broker_epoch: int = 0,
        fenced: int = 0,
        in_controlled_shutdown: int = 0,
        log_dirs: list[bytes] = ...,
        cordoned_log_dirs: list[bytes] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ClearElrRecord(Message):
    topic_name: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topic_name: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ClientQuotaRecord(Message):
    class EntityData(Struct):
        entity_type: str
        entity_name: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity_type: str = '',
            entity_name: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    entity: list[ClientQuotaRecord.EntityData]
    key: str
    value: float
    remove: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        entity: list[ClientQuotaRecord.EntityData] = ...,
        key: str = '',
        value: float = 0.0,
        remove: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConfigRecord(Message):
    resource_type: int
    resource_name: str
    name: str
    value: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        resource_type: int = 0,
        resource_name: str = '',
        name: str = '',
        value: str | None = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupCurrentMemberAssignmentKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupCurrentMemberAssignmentValue(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        partitions: list[int]
        assignment_epochs: list[int] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            assignment_epochs: list[int] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    member_epoch: int
    previous_member_epoch: int
    state: int
    assigned_partitions: list[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions]
    partitions_pending_revocation: list[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        member_epoch: int = 0,
        previous_member_epoch: int = 0,
        state: int = 0,
        assigned_partitions: list[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions] = ...,
        partitions_pending_revocation: list[ConsumerGroupCurrentMemberAssignmentValue.TopicPartitions] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupDescribeRequest(Message):
    group_ids: list[str]
    include_authorized_operations: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_ids: list[str] = ...,
        include_authorized_operations: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupDescribeResponse(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        topic_name: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            topic_name: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Assignment(Struct):
        topic_partitions: list[ConsumerGroupDescribeResponse.TopicPartitions]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_partitions: list[ConsumerGroupDescribeResponse.TopicPartitions] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Member(Struct):
        member_id: str
        instance_id: str | None
        rack_id: str | None
        member_epoch: int
        client_id: str
        client_host: str
        subscribed_topic_names: list[str]
        subscribed_topic_regex: str | None
        assignment: ConsumerGroupDescribeResponse.Assignment
        target_assignment: ConsumerGroupDescribeResponse.Assignment
        member_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            instance_id: str | None = None,
            rack_id: str | None = None,
            member_epoch: int = 0,
            client_id: str = '',
            client_host: str = '',
            subscribed_topic_names: list[str] = ...,
            subscribed_topic_regex: str | None = None,
            assignment: ConsumerGroupDescribeResponse.Assignment = ...,
            target_assignment: ConsumerGroupDescribeResponse.Assignment = ...,
            member_type: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribedGroup(Struct):
        error_code: int
        error_message: str | None
        group_id: str
        group_state: str
        group_epoch: int
        assignment_epoch: int
        assignor_name: str
        members: list[ConsumerGroupDescribeResponse.Member]
        authorized_operations: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = None,
            group_id: str = '',
            group_state: str = '',
            group_epoch: int = 0,
            assignment_epoch: int = 0,
            assignor_name: str = '',
            members: list[ConsumerGroupDescribeResponse.Member] = ...,
            authorized_operations: int = -2147483648,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    groups: list[ConsumerGroupDescribeResponse.DescribedGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        groups: list[ConsumerGroupDescribeResponse.DescribedGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupHeartbeatRequest(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    member_id: str
    member_epoch: int
    instance_id: str | None
    rack_id: str | None
    rebalance_timeout_ms: int
    subscribed_topic_names: list[str] | None
    subscribed_topic_regex: str | None
    server_assignor: str | None
    topic_partitions: list[ConsumerGroupHeartbeatRequest.TopicPartitions] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        member_epoch: int = 0,
        instance_id: str | None = None,
        rack_id: str | None = None,
        rebalance_timeout_ms: int = -1,
        subscribed_topic_names: list[str] | None = None,
        subscribed_topic_regex: str | None = None,
        server_assignor: str | None = None,
        topic_partitions: list[ConsumerGroupHeartbeatRequest.TopicPartitions] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupHeartbeatResponse(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Assignment(Struct):
        topic_partitions: list[ConsumerGroupHeartbeatResponse.TopicPartitions]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_partitions: list[ConsumerGroupHeartbeatResponse.TopicPartitions] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    member_id: str | None
    member_epoch: int
    heartbeat_interval_ms: int
    assignment: ConsumerGroupHeartbeatResponse.Assignment | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        member_id: str | None = None,
        member_epoch: int = 0,
        heartbeat_interval_ms: int = 0,
        assignment: ConsumerGroupHeartbeatResponse.Assignment | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupMemberMetadataKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupMemberMetadataValue(Message):
    class ClassicProtocol(Struct):
        name: str
        metadata: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            metadata: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ClassicMemberMetadata(Struct):
        session_timeout_ms: int
        supported_protocols: list[ConsumerGroupMemberMetadataValue.ClassicProtocol]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            session_timeout_ms: int = 0,
            supported_protocols: list[ConsumerGroupMemberMetadataValue.ClassicProtocol] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    subscribed_topic_names: list[str]
    subscribed_topic_regex: str | None
    rebalance_timeout_ms: int
    server_assignor: str | None
    classic_member_metadata: ConsumerGroupMemberMetadataValue.ClassicMemberMetadata | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        instance_id: str | None = '',
        rack_id: str | None = '',
        client_id: str = '',
        client_host: str = '',
        subscribed_topic_names: list[str] = ...,
        subscribed_topic_regex: str | None = '',
        rebalance_timeout_ms: int = -1,
        server_assignor: str | None = '',
        classic_member_metadata: ConsumerGroupMemberMetadataValue.ClassicMemberMetadata | None = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupMetadataValue(Message):
    epoch: int
    metadata_hash: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        epoch: int = 0,
        metadata_hash: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupPartitionMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupPartitionMetadataValue(Message):
    class PartitionMetadata(Struct):
        partition: int
        racks: list[str]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            racks: list[str] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicMetadata(Struct):
        topic_id: bytes
        topic_name: str
        num_partitions: int
        partition_metadata: list[ConsumerGroupPartitionMetadataValue.PartitionMetadata]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            topic_name: str = '',
            num_partitions: int = 0,
            partition_metadata: list[ConsumerGroupPartitionMetadataValue.PartitionMetadata] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[ConsumerGroupPartitionMetadataValue.TopicMetadata]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[ConsumerGroupPartitionMetadataValue.TopicMetadata] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupRegularExpressionKey(Message):
    group_id: str
    regular_expression: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        regular_expression: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupRegularExpressionValue(Message):
    topics: list[str]
    version: int
    timestamp: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[str] = ...,
        version: int = 0,
        timestamp: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupTargetAssignmentMemberKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupTargetAssignmentMemberValue(Message):
    class TopicPartition(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topic_partitions: list[ConsumerGroupTargetAssignmentMemberValue.TopicPartition]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topic_partitions: list[ConsumerGroupTargetAssignmentMemberValue.TopicPartition] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupTargetAssignmentMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerGroupTargetAssignmentMetadataValue(Message):
    assignment_epoch: int
    assignment_timestamp: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        assignment_epoch: int = 0,
        assignment_timestamp: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerProtocolAssignment(Message):
    class TopicPartition(Struct):
        topic: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    assigned_partitions: list[ConsumerProtocolAssignment.TopicPartition]
    user_data: bytes | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        assigned_partitions: list[ConsumerProtocolAssignment.TopicPartition] = ...,
        user_data: bytes | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ConsumerProtocolSubscription(Message):
    class TopicPartition(Struct):
        topic: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[str]
    user_data: bytes | None
    owned_partitions: list[ConsumerProtocolSubscription.TopicPartition]
    generation_id: int
    rack_id: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[str] = ...,
        user_data: bytes | None = None,
        owned_partitions: list[ConsumerProtocolSubscription.TopicPartition] = ...,
        generation_id: int = -1,
        rack_id: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ControlRecordTypeSchema(Message):
    type: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        type: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreateAclsRequest(Message):
    class AclCreation(Struct):
        resource_type: int
        resource_name: str
        resource_pattern_type: int
        principal: str
        host: str
        operation: int
        permission_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_type: int = 0,
            resource_name: str = '',
            resource_pattern_type: int = 3,
            principal: str = '',
            host: str = '',
            operation: int = 0,
            permission_type: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    creations: list[CreateAclsRequest.AclCreation]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        creations: list[CreateAclsRequest.AclCreation] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreateAclsResponse(Message):
    class AclCreationResult(Struct):
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    results: list[CreateAclsResponse.AclCreationResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        results: list[CreateAclsResponse.AclCreationResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreateDelegationTokenRequest(Message):
    class CreatableRenewers(Struct):
        principal_type: str
        principal_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            principal_type: str = '',
            principal_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    owner_principal_type: str | None
    owner_principal_name: str | None
    renewers: list[CreateDelegationTokenRequest.CreatableRenewers]
    max_lifetime_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        owner_principal_type: str | None = '',
        owner_principal_name: str | None = '',
        renewers: list[CreateDelegationTokenRequest.CreatableRenewers] = ...,
        max_lifetime_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreateDelegationTokenResponse(Message):
    error_code: int
    principal_type: str
    principal_name: str
    token_requester_principal_type: str
    token_requester_principal_name: str
    issue_timestamp_ms: int
    expiry_timestamp_ms: int
    max_timestamp_ms: int
    token_id: str
    hmac: bytes
    throttle_time_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        principal_type: str = '',
        principal_name: str = '',
        token_requester_principal_type: str = '',
        token_requester_principal_name: str = '',
        issue_timestamp_ms: int = 0,
        expiry_timestamp_ms: int = 0,
        max_timestamp_ms: int = 0,
        token_id: str = '',
        hmac: bytes = ...,
        throttle_time_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreatePartitionsRequest(Message):
    class CreatePartitionsAssignment(Struct):
        broker_ids: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            broker_ids: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class CreatePartitionsTopic(Struct):
        name: str
        count: int
        assignments: list[CreatePartitionsRequest.CreatePartitionsAssignment] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            count: int = 0,
            assignments: list[CreatePartitionsRequest.CreatePartitionsAssignment] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[CreatePartitionsRequest.CreatePartitionsTopic]
    timeout_ms: int
    validate_only: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[CreatePartitionsRequest.CreatePartitionsTopic] = ...,
        timeout_ms: int = 0,
        validate_only: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreatePartitionsResponse(Message):
    class CreatePartitionsTopicResult(Struct):
        name: str
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    results: list[CreatePartitionsResponse.CreatePartitionsTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        results: list[CreatePartitionsResponse.CreatePartitionsTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreateTopicsRequest(Message):
    class CreatableReplicaAssignment(Struct):
        partition_index: int
        broker_ids: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            broker_ids: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class CreatableTopicConfig(Struct):
        name: str
        value: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            value: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class CreatableTopic(Struct):
        name: str
        num_partitions: int
        replication_factor: int
        assignments: list[CreateTopicsRequest.CreatableReplicaAssignment]
        configs: list[CreateTopicsRequest.CreatableTopicConfig]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            num_partitions: int = 0,
            replication_factor: int = 0,
            assignments: list[CreateTopicsRequest.CreatableReplicaAssignment] = ...,
            configs: list[CreateTopicsRequest.CreatableTopicConfig] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[CreateTopicsRequest.CreatableTopic]
    timeout_ms: int
    validate_only: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[CreateTopicsRequest.CreatableTopic] = ...,
        timeout_ms: int = 60000,
        validate_only: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class CreateTopicsResponse(Message):
    class CreatableTopicConfigs(Struct):
        name: str
        value: str | None
        read_only: bool
        config_source: int
        is_sensitive: bool
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            value: str | None = '',
            read_only: bool = False,
            config_source: int = -1,
            is_sensitive: bool = False,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class CreatableTopicResult(Struct):
        name: str
        topic_id: bytes
        error_code: int
        error_message: str | None
        topic_config_error_code: int
        num_partitions: int
        replication_factor: int
        configs: list[CreateTopicsResponse.CreatableTopicConfigs] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            error_code: int = 0,
            error_message: str | None = '',
            topic_config_error_code: int = 0,
            num_partitions: int = -1,
            replication_factor: int = -1,
            configs: list[CreateTopicsResponse.CreatableTopicConfigs] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[CreateTopicsResponse.CreatableTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[CreateTopicsResponse.CreatableTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DefaultPrincipalData(Message):
    type: str
    name: str
    token_authenticated: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        type: str = '',
        name: str = '',
        token_authenticated: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DelegationTokenRecord(Message):
    owner: str
    requester: str
    renewers: list[str]
    issue_timestamp: int
    max_timestamp: int
    expiration_timestamp: int
    token_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        owner: str = '',
        requester: str = '',
        renewers: list[str] = ...,
        issue_timestamp: int = 0,
        max_timestamp: int = 0,
        expiration_timestamp: int = 0,
        token_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteAclsRequest(Message):
    class DeleteAclsFilter(Struct):
        resource_type_filter: int
        resource_name_filter: str | None
        pattern_type_filter: int
        principal_filter: str | None
        host_filter: str | None
        operation: int
        permission_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_type_filter: int = 0,
            resource_name_filter: str | None = '',
            pattern_type_filter: int = 3,
            principal_filter: str | None = '',
            host_filter: str | None = '',
            operation: int = 0,
            permission_type: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    filters: list[DeleteAclsRequest.DeleteAclsFilter]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        filters: list[DeleteAclsRequest.DeleteAclsFilter] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteAclsResponse(Message):
    class DeleteAclsMatchingAcl(Struct):
        error_code: int
        error_message: str | None
        resource_type: int
        resource_name: str
        pattern_type: int
        principal: str
        host: str
        operation: int
        permission_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            resource_type: int = 0,
            resource_name: str = '',
            pattern_type: int = 3,
            principal: str = '',
            host: str = '',
            operation: int = 0,
            permission_type: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DeleteAclsFilterResult(Struct):
        error_code: int
        error_message: str | None
        matching_acls: list[DeleteAclsResponse.DeleteAclsMatchingAcl]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            matching_acls: list[DeleteAclsResponse.DeleteAclsMatchingAcl] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    filter_results: list[DeleteAclsResponse.DeleteAclsFilterResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        filter_results: list[DeleteAclsResponse.DeleteAclsFilterResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteGroupsRequest(Message):
    groups_names: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        groups_names: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteGroupsResponse(Message):
    class DeletableGroupResult(Struct):
        group_id: str
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            group_id: str = '',
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    results: list[DeleteGroupsResponse.DeletableGroupResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        results: list[DeleteGroupsResponse.DeletableGroupResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteRecordsRequest(Message):
    class DeleteRecordsPartition(Struct):
        partition_index: int
        offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DeleteRecordsTopic(Struct):
        name: str
        partitions: list[DeleteRecordsRequest.DeleteRecordsPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[DeleteRecordsRequest.DeleteRecordsPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[DeleteRecordsRequest.DeleteRecordsTopic]
    timeout_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[DeleteRecordsRequest.DeleteRecordsTopic] = ...,
        timeout_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteRecordsResponse(Message):
    class DeleteRecordsPartitionResult(Struct):
        partition_index: int
        low_watermark: int
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            low_watermark: int = 0,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DeleteRecordsTopicResult(Struct):
        name: str
        partitions: list[DeleteRecordsResponse.DeleteRecordsPartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[DeleteRecordsResponse.DeleteRecordsPartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[DeleteRecordsResponse.DeleteRecordsTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[DeleteRecordsResponse.DeleteRecordsTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteShareGroupOffsetsRequest(Message):
    class DeleteShareGroupOffsetsRequestTopic(Struct):
        topic_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[DeleteShareGroupOffsetsRequest.DeleteShareGroupOffsetsRequestTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[DeleteShareGroupOffsetsRequest.DeleteShareGroupOffsetsRequestTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteShareGroupOffsetsResponse(Message):
    class DeleteShareGroupOffsetsResponseTopic(Struct):
        topic_name: str
        topic_id: bytes
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            topic_id: bytes = ...,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    responses: list[DeleteShareGroupOffsetsResponse.DeleteShareGroupOffsetsResponseTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        responses: list[DeleteShareGroupOffsetsResponse.DeleteShareGroupOffsetsResponseTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteShareGroupStateRequest(Message):
    class PartitionData(Struct):
        partition: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DeleteStateData(Struct):
        topic_id: bytes
        partitions: list[DeleteShareGroupStateRequest.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[DeleteShareGroupStateRequest.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[DeleteShareGroupStateRequest.DeleteStateData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[DeleteShareGroupStateRequest.DeleteStateData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteShareGroupStateResponse(Message):
    class PartitionResult(Struct):
        partition: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DeleteStateResult(Struct):
        topic_id: bytes
        partitions: list[DeleteShareGroupStateResponse.PartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[DeleteShareGroupStateResponse.PartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    results: list[DeleteShareGroupStateResponse.DeleteStateResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        results: list[DeleteShareGroupStateResponse.DeleteStateResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteTopicsRequest(Message):
    class DeleteTopicState(Struct):
        name: str | None
        topic_id: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str | None = None,
            topic_id: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[DeleteTopicsRequest.DeleteTopicState]
    topic_names: list[str]
    timeout_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[DeleteTopicsRequest.DeleteTopicState] = ...,
        topic_names: list[str] = ...,
        timeout_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DeleteTopicsResponse(Message):
    class DeletableTopicResult(Struct):
        name: str | None
        topic_id: bytes
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str | None = '',
            topic_id: bytes = ...,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    responses: list[DeleteTopicsResponse.DeletableTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        responses: list[DeleteTopicsResponse.DeletableTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeAclsRequest(Message):
    resource_type_filter: int
    resource_name_filter: str | None
    pattern_type_filter: int
    principal_filter: str | None
    host_filter: str | None
    operation: int
    permission_type: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        resource_type_filter: int = 0,
        resource_name_filter: str | None = '',
        pattern_type_filter: int = 3,
        principal_filter: str | None = '',
        host_filter: str | None = '',
        operation: int = 0,
        permission_type: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeAclsResponse(Message):
    class AclDescription(Struct):
        principal: str
        host: str
        operation: int
        permission_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            principal: str = '',
            host: str = '',
            operation: int = 0,
            permission_type: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeAclsResource(Struct):
        resource_type: int
        resource_name: str
        pattern_type: int
        acls: list[DescribeAclsResponse.AclDescription]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_type: int = 0,
            resource_name: str = '',
            pattern_type: int = 3,
            acls: list[DescribeAclsResponse.AclDescription] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    resources: list[DescribeAclsResponse.DescribeAclsResource]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        resources: list[DescribeAclsResponse.DescribeAclsResource] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeClientQuotasRequest(Message):
    class ComponentData(Struct):
        entity_type: str
        match_type: int
        match: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity_type: str = '',
            match_type: int = 0,
            match: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    components: list[DescribeClientQuotasRequest.ComponentData]
    strict: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        components: list[DescribeClientQuotasRequest.ComponentData] = ...,
        strict: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeClientQuotasResponse(Message):
    class EntityData(Struct):
        entity_type: str
        entity_name: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity_type: str = '',
            entity_name: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ValueData(Struct):
        key: str
        value: float
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: float = 0.0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class EntryData(Struct):
        entity: list[DescribeClientQuotasResponse.EntityData]
        values: list[DescribeClientQuotasResponse.ValueData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            entity: list[DescribeClientQuotasResponse.EntityData] = ...,
            values: list[DescribeClientQuotasResponse.ValueData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    entries: list[DescribeClientQuotasResponse.EntryData] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        entries: list[DescribeClientQuotasResponse.EntryData] | None = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeClusterRequest(Message):
    include_cluster_authorized_operations: bool
    endpoint_type: int
    include_fenced_brokers: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        include_cluster_authorized_operations: bool = False,
        endpoint_type: int = 1,
        include_fenced_brokers: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeClusterResponse(Message):
    class DescribeClusterBroker(Struct):
        broker_id: int
        host: str
        port: int
        rack: str | None
        is_fenced: bool
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            broker_id: int = 0,
            host: str = '',
            port: int = 0,
            rack: str | None = None,
            is_fenced: bool = False,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    endpoint_type: int
    cluster_id: str
    controller_id: int
    brokers: list[DescribeClusterResponse.DescribeClusterBroker]
    cluster_authorized_operations: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        endpoint_type: int = 1,
        cluster_id: str = '',
        controller_id: int = -1,
        brokers: list[DescribeClusterResponse.DescribeClusterBroker] = ...,
        cluster_authorized_operations: int = -2147483648,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeConfigsRequest(Message):
    class DescribeConfigsResource(Struct):
        resource_type: int
        resource_name: str
        configuration_keys: list[str] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_type: int = 0,
            resource_name: str = '',
            configuration_keys: list[str] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    resources: list[DescribeConfigsRequest.DescribeConfigsResource]
    include_synonyms: bool
    include_documentation: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        resources: list[DescribeConfigsRequest.DescribeConfigsResource] = ...,
        include_synonyms: bool = False,
        include_documentation: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeConfigsResponse(Message):
    class DescribeConfigsSynonym(Struct):
        name: str
        value: str | None
        source: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            value: str | None = '',
            source: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeConfigsResourceResult(Struct):
        name: str
        value: str | None
        read_only: bool
        config_source: int
        is_sensitive: bool
        synonyms: list[DescribeConfigsResponse.DescribeConfigsSynonym]
        config_type: int
        documentation: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            value: str | None = '',
            read_only: bool = False,
            config_source: int = -1,
            is_sensitive: bool = False,
            synonyms: list[DescribeConfigsResponse.DescribeConfigsSynonym] = ...,
            config_type: int = 0,
            documentation: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeConfigsResult(Struct):
        error_code: int
        error_message: str | None
        resource_type: int
        resource_name: str
        configs: list[DescribeConfigsResponse.DescribeConfigsResourceResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            resource_type: int = 0,
            resource_name: str = '',
            configs: list[DescribeConfigsResponse.DescribeConfigsResourceResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    results: list[DescribeConfigsResponse.DescribeConfigsResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        results: list[DescribeConfigsResponse.DescribeConfigsResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeDelegationTokenRequest(Message):
    class DescribeDelegationTokenOwner(Struct):
        principal_type: str
        principal_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            principal_type: str = '',
            principal_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    owners: list[DescribeDelegationTokenRequest.DescribeDelegationTokenOwner] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        owners: list[DescribeDelegationTokenRequest.DescribeDelegationTokenOwner] | None = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeDelegationTokenResponse(Message):
    class DescribedDelegationTokenRenewer(Struct):
        principal_type: str
        principal_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            principal_type: str = '',
            principal_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribedDelegationToken(Struct):
        principal_type: str
        principal_name: str
        token_requester_principal_type: str
        token_requester_principal_name: str
        issue_timestamp: int
        expiry_timestamp: int
        max_timestamp: int
        token_id: str
        hmac: bytes
        renewers: list[DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            principal_type: str = '',
            principal_name: str = '',
            token_requester_principal_type: str = '',
            token_requester_principal_name: str = '',
            issue_timestamp: int = 0,
            expiry_timestamp: int = 0,
            max_timestamp: int = 0,
            token_id: str = '',
            hmac: bytes = ...,
            renewers: list[DescribeDelegationTokenResponse.DescribedDelegationTokenRenewer] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    error_code: int
    tokens: list[DescribeDelegationTokenResponse.DescribedDelegationToken]
    throttle_time_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        tokens: list[DescribeDelegationTokenResponse.DescribedDelegationToken] = ...,
        throttle_time_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeGroupsRequest(Message):
    groups: list[str]
    include_authorized_operations: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        groups: list[str] = ...,
        include_authorized_operations: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeGroupsResponse(Message):
    class DescribedGroupMember(Struct):
        member_id: str
        group_instance_id: str | None
        client_id: str
        client_host: str
        member_metadata: bytes
        member_assignment: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            group_instance_id: str | None = None,
            client_id: str = '',
            client_host: str = '',
            member_metadata: bytes = ...,
            member_assignment: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribedGroup(Struct):
        error_code: int
        error_message: str | None
        group_id: str
        group_state: str
        protocol_type: str
        protocol_data: str
        members: list[DescribeGroupsResponse.DescribedGroupMember]
        authorized_operations: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = None,
            group_id: str = '',
            group_state: str = '',
            protocol_type: str = '',
            protocol_data: str = '',
            members: list[DescribeGroupsResponse.DescribedGroupMember] = ...,
            authorized_operations: int = -2147483648,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    groups: list[DescribeGroupsResponse.DescribedGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        groups: list[DescribeGroupsResponse.DescribedGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeLogDirsRequest(Message):
    class DescribableLogDirTopic(Struct):
        topic: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[DescribeLogDirsRequest.DescribableLogDirTopic] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[DescribeLogDirsRequest.DescribableLogDirTopic] | None = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeLogDirsResponse(Message):
    class DescribeLogDirsPartition(Struct):
        partition_index: int
        partition_size: int
        offset_lag: int
        is_future_key: bool
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            partition_size: int = 0,
            offset_lag: int = 0,
            is_future_key: bool = False,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeLogDirsTopic(Struct):
        name: str
        partitions: list[DescribeLogDirsResponse.DescribeLogDirsPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[DescribeLogDirsResponse.DescribeLogDirsPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeLogDirsResult(Struct):
        error_code: int
        log_dir: str
        topics: list[DescribeLogDirsResponse.DescribeLogDirsTopic]
        total_bytes: int
        usable_bytes: int
        is_cordoned: bool
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            log_dir: str = '',
            topics: list[DescribeLogDirsResponse.DescribeLogDirsTopic] = ...,
            total_bytes: int = -1,
            usable_bytes: int = -1,
            is_cordoned: bool = False,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    results: list[DescribeLogDirsResponse.DescribeLogDirsResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        results: list[DescribeLogDirsResponse.DescribeLogDirsResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeProducersRequest(Message):
    class TopicRequest(Struct):
        name: str
        partition_indexes: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partition_indexes: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[DescribeProducersRequest.TopicRequest]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[DescribeProducersRequest.TopicRequest] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeProducersResponse(Message):
    class ProducerState(Struct):
        producer_id: int
        producer_epoch: int
        last_sequence: int
        last_timestamp: int
        coordinator_epoch: int
        current_txn_start_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            producer_id: int = 0,
            producer_epoch: int = 0,
            last_sequence: int = -1,
            last_timestamp: int = -1,
            coordinator_epoch: int = 0,
            current_txn_start_offset: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionResponse(Struct):
        partition_index: int
        error_code: int
        error_message: str | None
        active_producers: list[DescribeProducersResponse.ProducerState]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            active_producers: list[DescribeProducersResponse.ProducerState] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicResponse(Struct):
        name: str
        partitions: list[DescribeProducersResponse.PartitionResponse]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[DescribeProducersResponse.PartitionResponse] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[DescribeProducersResponse.TopicResponse]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[DescribeProducersResponse.TopicResponse] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeQuorumRequest(Message):
    class PartitionData(Struct):
        partition_index: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicData(Struct):
        topic_name: str
        partitions: list[DescribeQuorumRequest.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partitions: list[DescribeQuorumRequest.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[DescribeQuorumRequest.TopicData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[DescribeQuorumRequest.TopicData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeQuorumResponse(Message):
    class ReplicaState(Struct):
        replica_id: int
        replica_directory_id: bytes
        log_end_offset: int
        last_fetch_timestamp: int
        last_caught_up_timestamp: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            replica_id: int = 0,
            replica_directory_id: bytes = ...,
            log_end_offset: int = 0,
            last_fetch_timestamp: int = -1,
            last_caught_up_timestamp: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionData(Struct):
        partition_index: int
        error_code: int
        error_message: str | None
        leader_id: int
        leader_epoch: int
        high_watermark: int
        current_voters: list[DescribeQuorumResponse.ReplicaState]
        observers: list[DescribeQuorumResponse.ReplicaState]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            error_message: str | None = '',
            leader_id: int = 0,
            leader_epoch: int = 0,
            high_watermark: int = 0,
            current_voters: list[DescribeQuorumResponse.ReplicaState] = ...,
            observers: list[DescribeQuorumResponse.ReplicaState] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicData(Struct):
        topic_name: str
        partitions: list[DescribeQuorumResponse.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partitions: list[DescribeQuorumResponse.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Listener(Struct):
        name: str
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Node(Struct):
        node_id: int
        listeners: list[DescribeQuorumResponse.Listener]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            node_id: int = 0,
            listeners: list[DescribeQuorumResponse.Listener] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    error_code: int
    error_message: str | None
    topics: list[DescribeQuorumResponse.TopicData]
    nodes: list[DescribeQuorumResponse.Node]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        error_message: str | None = '',
        topics: list[DescribeQuorumResponse.TopicData] = ...,
        nodes: list[DescribeQuorumResponse.Node] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeShareGroupOffsetsRequest(Message):
    class DescribeShareGroupOffsetsRequestTopic(Struct):
        topic_name: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeShareGroupOffsetsRequestGroup(Struct):
        group_id: str
        topics: list[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            group_id: str = '',
            topics: list[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestTopic] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    groups: list[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        groups: list[DescribeShareGroupOffsetsRequest.DescribeShareGroupOffsetsRequestGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeShareGroupOffsetsResponse(Message):
    class DescribeShareGroupOffsetsResponsePartition(Struct):
        partition_index: int
        start_offset: int
        leader_epoch: int
        lag: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            start_offset: int = 0,
            leader_epoch: int = 0,
            lag: int = -1,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeShareGroupOffsetsResponseTopic(Struct):
        topic_name: str
        topic_id: bytes
        partitions: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            topic_id: bytes = ...,
            partitions: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponsePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeShareGroupOffsetsResponseGroup(Struct):
        group_id: str
        topics: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic]
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            group_id: str = '',
            topics: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseTopic] = ...,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    groups: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        groups: list[DescribeShareGroupOffsetsResponse.DescribeShareGroupOffsetsResponseGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeTopicPartitionsRequest(Message):
    class TopicRequest(Struct):
        name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Cursor(Struct):
        topic_name: str
        partition_index: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partition_index: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[DescribeTopicPartitionsRequest.TopicRequest]
    response_partition_limit: int
    cursor: DescribeTopicPartitionsRequest.Cursor | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[DescribeTopicPartitionsRequest.TopicRequest] = ...,
        response_partition_limit: int = 2000,
        cursor: DescribeTopicPartitionsRequest.Cursor | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeTopicPartitionsResponse(Message):
    class DescribeTopicPartitionsResponsePartition(Struct):
        error_code: int
        partition_index: int
        leader_id: int
        leader_epoch: int
        replica_nodes: list[int]
        isr_nodes: list[int]
        eligible_leader_replicas: list[int] | None
        last_known_elr: list[int] | None
        offline_replicas: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            partition_index: int = 0,
            leader_id: int = 0,
            leader_epoch: int = -1,
            replica_nodes: list[int] = ...,
            isr_nodes: list[int] = ...,
            eligible_leader_replicas: list[int] | None = None,
            last_known_elr: list[int] | None = None,
            offline_replicas: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeTopicPartitionsResponseTopic(Struct):
        error_code: int
        name: str | None
        topic_id: bytes
        is_internal: bool
        partitions: list[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition]
        topic_authorized_operations: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            name: str | None = '',
            topic_id: bytes = ...,
            is_internal: bool = False,
            partitions: list[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponsePartition] = ...,
            topic_authorized_operations: int = -2147483648,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Cursor(Struct):
        topic_name: str
        partition_index: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_name: str = '',
            partition_index: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic]
    next_cursor: DescribeTopicPartitionsResponse.Cursor | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[DescribeTopicPartitionsResponse.DescribeTopicPartitionsResponseTopic] = ...,
        next_cursor: DescribeTopicPartitionsResponse.Cursor | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeTransactionsRequest(Message):
    transactional_ids: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_ids: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeTransactionsResponse(Message):
    class TopicData(Struct):
        topic: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TransactionState(Struct):
        error_code: int
        transactional_id: str
        transaction_state: str
        transaction_timeout_ms: int
        transaction_start_time_ms: int
        producer_id: int
        producer_epoch: int
        topics: list[DescribeTransactionsResponse.TopicData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            transactional_id: str = '',
            transaction_state: str = '',
            transaction_timeout_ms: int = 0,
            transaction_start_time_ms: int = 0,
            producer_id: int = 0,
            producer_epoch: int = 0,
            topics: list[DescribeTransactionsResponse.TopicData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    transaction_states: list[DescribeTransactionsResponse.TransactionState]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        transaction_states: list[DescribeTransactionsResponse.TransactionState] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeUserScramCredentialsRequest(Message):
    class UserName(Struct):
        name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    users: list[DescribeUserScramCredentialsRequest.UserName] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        users: list[DescribeUserScramCredentialsRequest.UserName] | None = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class DescribeUserScramCredentialsResponse(Message):
    class CredentialInfo(Struct):
        mechanism: int
        iterations: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            mechanism: int = 0,
            iterations: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribeUserScramCredentialsResult(Struct):
        user: str
        error_code: int
        error_message: str | None
        credential_infos: list[DescribeUserScramCredentialsResponse.CredentialInfo]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            user: str = '',
            error_code: int = 0,
            error_message: str | None = '',
            credential_infos: list[DescribeUserScramCredentialsResponse.CredentialInfo] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    results: list[DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        results: list[DescribeUserScramCredentialsResponse.DescribeUserScramCredentialsResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ElectLeadersRequest(Message):
    class TopicPartitions(Struct):
        topic: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    election_type: int
    topic_partitions: list[ElectLeadersRequest.TopicPartitions] | None
    timeout_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        election_type: int = 0,
        topic_partitions: list[ElectLeadersRequest.TopicPartitions] | None = ...,
        timeout_ms: int = 60000,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ElectLeadersResponse(Message):
    class PartitionResult(Struct):
        partition_id: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_id: int = 0,
            error_code: int = 0,
            error_message: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReplicaElectionResult(Struct):
        topic: str
        partition_result: list[ElectLeadersResponse.PartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partition_result: list[ElectLeadersResponse.PartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    replica_election_results: list[ElectLeadersResponse.ReplicaElectionResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        replica_election_results: list[ElectLeadersResponse.ReplicaElectionResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class EndTransactionRecord(Message):
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class EndTxnMarker(Message):
    coordinator_epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        coordinator_epoch: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class EndTxnRequest(Message):
    transactional_id: str
    producer_id: int
    producer_epoch: int
    committed: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_id: str = '',
        producer_id: int = 0,
        producer_epoch: int = 0,
        committed: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class EndTxnResponse(Message):
    throttle_time_ms: int
    error_code: int
    producer_id: int
    producer_epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        producer_id: int = -1,
        producer_epoch: int = -1,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ExpireDelegationTokenRequest(Message):
    hmac: bytes
    expiry_time_period_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        hmac: bytes = ...,
        expiry_time_period_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ExpireDelegationTokenResponse(Message):
    error_code: int
    expiry_timestamp_ms: int
    throttle_time_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        expiry_timestamp_ms: int = 0,
        throttle_time_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class FeatureLevelRecord(Message):
    name: str
    feature_level: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        name: str = '',
        feature_level: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class FenceBrokerRecord(Message):
    id: int
    epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        id: int = 0,
        epoch: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class FetchRequest(Message):
    class ReplicaState(Struct):
        replica_id: int
        replica_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            replica_id: int = -1,
            replica_epoch: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class FetchPartition(Struct):
        partition: int
        current_leader_epoch: int
        fetch_offset: int
        last_fetched_epoch: int
        log_start_offset: int
        partition_max_bytes: int
        replica_directory_id: bytes
        high_watermark: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            current_leader_epoch: int = -1,
            fetch_offset: int = 0,
            last_fetched_epoch: int = -1,
            log_start_offset: int = -1,
            partition_max_bytes: int = 0,
            replica_directory_id: bytes = ...,
            high_watermark: int = 9223372036854775807,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class FetchTopic(Struct):
        topic: str
        topic_id: bytes
        partitions: list[FetchRequest.FetchPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            topic_id: bytes = ...,
            partitions: list[FetchRequest.FetchPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ForgottenTopic(Struct):
        topic: str
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    cluster_id: str | None
    replica_id: int
    replica_state: FetchRequest.ReplicaState
    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    isolation_level: int
    session_id: int
    session_epoch: int
    topics: list[FetchRequest.FetchTopic]
    forgotten_topics_data: list[FetchRequest.ForgottenTopic]
    rack_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        cluster_id: str | None = None,
        replica_id: int = -1,
        replica_state: FetchRequest.ReplicaState = ...,
        max_wait_ms: int = 0,
        min_bytes: int = 0,
        max_bytes: int = 2147483647,
        isolation_level: int = 0,
        session_id: int = 0,
        session_epoch: int = -1,
        topics: list[FetchRequest.FetchTopic] = ...,
        forgotten_topics_data: list[FetchRequest.ForgottenTopic] = ...,
        rack_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class FetchResponse(Message):
    class EpochEndOffset(Struct):
        epoch: int
        end_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            epoch: int = -1,
            end_offset: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class LeaderIdAndEpoch(Struct):
        leader_id: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            leader_id: int = -1,
            leader_epoch: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class SnapshotId(Struct):
        end_offset: int
        epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            end_offset: int = -1,
            epoch: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AbortedTransaction(Struct):
        producer_id: int
        first_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            producer_id: int = 0,
            first_offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionData(Struct):
        partition_index: int
        error_code: int
        high_watermark: int
        last_stable_offset: int
        log_start_offset: int
        diverging_epoch: FetchResponse.EpochEndOffset
        current_leader: FetchResponse.LeaderIdAndEpoch
        snapshot_id: FetchResponse.SnapshotId
        aborted_transactions: list[FetchResponse.AbortedTransaction] | None
        preferred_read_replica: int
        records: Any
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            high_watermark: int = 0,
            last_stable_offset: int = -1,
            log_start_offset: int = -1,
            diverging_epoch: FetchResponse.EpochEndOffset = ...,
            current_leader: FetchResponse.LeaderIdAndEpoch = ...,
            snapshot_id: FetchResponse.SnapshotId = ...,
            aborted_transactions: list[FetchResponse.AbortedTransaction] | None = ...,
            preferred_read_replica: int = -1,
            records: Any = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class FetchableTopicResponse(Struct):
        topic: str
        topic_id: bytes
        partitions: list[FetchResponse.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            topic_id: bytes = ...,
            partitions: list[FetchResponse.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: int
        host: str
        port: int
        rack: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            node_id: int = 0,
            host: str = '',
            port: int = 0,
            rack: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    session_id: int
    responses: list[FetchResponse.FetchableTopicResponse]
    node_endpoints: list[FetchResponse.NodeEndpoint]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        session_id: int = 0,
        responses: list[FetchResponse.FetchableTopicResponse] = ...,
        node_endpoints: list[FetchResponse.NodeEndpoint] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class FindCoordinatorRequest(Message):
    key: str
    key_type: int
    coordinator_keys: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        key: str = '',
        key_type: int = 0,
        coordinator_keys: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class FindCoordinatorResponse(Message):
    class Coordinator(Struct):
        key: str
        node_id: int
        host: str
        port: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            node_id: int = 0,
            host: str = '',
            port: int = 0,
            error_code: int = 0,
            error_message: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    node_id: int
    host: str
    port: int
    coordinators: list[FindCoordinatorResponse.Coordinator]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        node_id: int = 0,
        host: str = '',
        port: int = 0,
        coordinators: list[FindCoordinatorResponse.Coordinator] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class GetTelemetrySubscriptionsRequest(Message):
    client_instance_id: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        client_instance_id: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class GetTelemetrySubscriptionsResponse(Message):
    throttle_time_ms: int
    error_code: int
    client_instance_id: bytes
    subscription_id: int
    accepted_compression_types: list[int]
    push_interval_ms: int
    telemetry_max_bytes: int
    delta_temporality: bool
    requested_metrics: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        client_instance_id: bytes = ...,
        subscription_id: int = 0,
        accepted_compression_types: list[int] = ...,
        push_interval_ms: int = 0,
        telemetry_max_bytes: int = 0,
        delta_temporality: bool = False,
        requested_metrics: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class GroupMetadataKey(Message):
    group: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class GroupMetadataValue(Message):
    class MemberMetadata(Struct):
        member_id: str
        group_instance_id: str | None
        client_id: str
        client_host: str
        rebalance_timeout: int
        session_timeout: int
        subscription: bytes
        assignment: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            group_instance_id: str | None = None,
            client_id: str = '',
            client_host: str = '',
            rebalance_timeout: int = -1,
            session_timeout: int = 0,
            subscription: bytes = ...,
            assignment: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    protocol_type: str
    generation: int
    protocol: str | None
    leader: str | None
    current_state_timestamp: int
    members: list[GroupMetadataValue.MemberMetadata]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        protocol_type: str = '',
        generation: int = 0,
        protocol: str | None = '',
        leader: str | None = '',
        current_state_timestamp: int = -1,
        members: list[GroupMetadataValue.MemberMetadata] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class HeartbeatRequest(Message):
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        generation_id: int = 0,
        member_id: str = '',
        group_instance_id: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class HeartbeatResponse(Message):
    throttle_time_ms: int
    error_code: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class IncrementalAlterConfigsRequest(Message):
    class AlterableConfig(Struct):
        name: str
        config_operation: int
        value: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            config_operation: int = 0,
            value: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AlterConfigsResource(Struct):
        resource_type: int
        resource_name: str
        configs: list[IncrementalAlterConfigsRequest.AlterableConfig]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_type: int = 0,
            resource_name: str = '',
            configs: list[IncrementalAlterConfigsRequest.AlterableConfig] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    resources: list[IncrementalAlterConfigsRequest.AlterConfigsResource]
    validate_only: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        resources: list[IncrementalAlterConfigsRequest.AlterConfigsResource] = ...,
        validate_only: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class IncrementalAlterConfigsResponse(Message):
    class AlterConfigsResourceResponse(Struct):
        error_code: int
        error_message: str | None
        resource_type: int
        resource_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = '',
            resource_type: int = 0,
            resource_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    responses: list[IncrementalAlterConfigsResponse.AlterConfigsResourceResponse]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        responses: list[IncrementalAlterConfigsResponse.AlterConfigsResourceResponse] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class InitProducerIdRequest(Message):
    transactional_id: str | None
    transaction_timeout_ms: int
    producer_id: int
    producer_epoch: int
    enable_2pc: bool
    keep_prepared_txn: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_id: str | None = '',
        transaction_timeout_ms: int = 0,
        producer_id: int = -1,
        producer_epoch: int = -1,
        enable_2pc: bool = False,
        keep_prepared_txn: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class InitProducerIdResponse(Message):
    throttle_time_ms: int
    error_code: int
    producer_id: int
    producer_epoch: int
    ongoing_txn_producer_id: int
    ongoing_txn_producer_epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        producer_id: int = -1,
        producer_epoch: int = 0,
        ongoing_txn_producer_id: int = -1,
        ongoing_txn_producer_epoch: int = -1,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class InitializeShareGroupStateRequest(Message):
    class PartitionData(Struct):
        partition: int
        state_epoch: int
        start_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            state_epoch: int = 0,
            start_offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class InitializeStateData(Struct):
        topic_id: bytes
        partitions: list[InitializeShareGroupStateRequest.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[InitializeShareGroupStateRequest.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[InitializeShareGroupStateRequest.InitializeStateData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[InitializeShareGroupStateRequest.InitializeStateData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class InitializeShareGroupStateResponse(Message):
    class PartitionResult(Struct):
        partition: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class InitializeStateResult(Struct):
        topic_id: bytes
        partitions: list[InitializeShareGroupStateResponse.PartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[InitializeShareGroupStateResponse.PartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    results: list[InitializeShareGroupStateResponse.InitializeStateResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        results: list[InitializeShareGroupStateResponse.InitializeStateResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class JoinGroupRequest(Message):
    class JoinGroupRequestProtocol(Struct):
        name: str
        metadata: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            metadata: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    member_id: str
    group_instance_id: str | None
    protocol_type: str
    protocols: list[JoinGroupRequest.JoinGroupRequestProtocol]
    reason: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        session_timeout_ms: int = 0,
        rebalance_timeout_ms: int = -1,
        member_id: str = '',
        group_instance_id: str | None = None,
        protocol_type: str = '',
        protocols: list[JoinGroupRequest.JoinGroupRequestProtocol] = ...,
        reason: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class JoinGroupResponse(Message):
    class JoinGroupResponseMember(Struct):
        member_id: str
        group_instance_id: str | None
        metadata: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            group_instance_id: str | None = None,
            metadata: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    generation_id: int
    protocol_type: str | None
    protocol_name: str | None
    leader: str
    skip_assignment: bool
    member_id: str
    members: list[JoinGroupResponse.JoinGroupResponseMember]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        generation_id: int = -1,
        protocol_type: str | None = None,
        protocol_name: str | None = '',
        leader: str = '',
        skip_assignment: bool = False,
        member_id: str = '',
        members: list[JoinGroupResponse.JoinGroupResponseMember] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class KRaftVersionRecord(Message):
    version: int
    kraft_version: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        version: int = 0,
        kraft_version: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class LeaderChangeMessage(Message):
    class Voter(Struct):
        voter_id: int
        voter_directory_id: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            voter_id: int = 0,
            voter_directory_id: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    version: int
    leader_id: int
    voters: list[LeaderChangeMessage.Voter]
    granting_voters: list[LeaderChangeMessage.Voter]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        version: int = 0,
        leader_id: int = 0,
        voters: list[LeaderChangeMessage.Voter] = ...,
        granting_voters: list[LeaderChangeMessage.Voter] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class LeaveGroupRequest(Message):
    class MemberIdentity(Struct):
        member_id: str
        group_instance_id: str | None
        reason: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            group_instance_id: str | None = None,
            reason: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    member_id: str
    members: list[LeaveGroupRequest.MemberIdentity]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        members: list[LeaveGroupRequest.MemberIdentity] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class LeaveGroupResponse(Message):
    class MemberResponse(Struct):
        member_id: str
        group_instance_id: str | None
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            group_instance_id: str | None = '',
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    members: list[LeaveGroupResponse.MemberResponse]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        members: list[LeaveGroupResponse.MemberResponse] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class LegacyOffsetCommitKey(Message):
    group: str
    topic: str
    partition: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group: str = '',
        topic: str = '',
        partition: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class LegacyOffsetCommitValue(Message):
    offset: int
    metadata: str
    commit_timestamp: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        offset: int = 0,
        metadata: str = '',
        commit_timestamp: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListConfigResourcesRequest(Message):
    resource_types: list[int]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        resource_types: list[int] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListConfigResourcesResponse(Message):
    class ConfigResource(Struct):
        resource_name: str
        resource_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            resource_name: str = '',
            resource_type: int = 16,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    config_resources: list[ListConfigResourcesResponse.ConfigResource]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        config_resources: list[ListConfigResourcesResponse.ConfigResource] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListGroupsRequest(Message):
    states_filter: list[str]
    types_filter: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        states_filter: list[str] = ...,
        types_filter: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListGroupsResponse(Message):
    class ListedGroup(Struct):
        group_id: str
        protocol_type: str
        group_state: str
        group_type: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            group_id: str = '',
            protocol_type: str = '',
            group_state: str = '',
            group_type: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    groups: list[ListGroupsResponse.ListedGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        groups: list[ListGroupsResponse.ListedGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListOffsetsRequest(Message):
    class ListOffsetsPartition(Struct):
        partition_index: int
        current_leader_epoch: int
        timestamp: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            current_leader_epoch: int = -1,
            timestamp: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ListOffsetsTopic(Struct):
        name: str
        partitions: list[ListOffsetsRequest.ListOffsetsPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[ListOffsetsRequest.ListOffsetsPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    replica_id: int
    isolation_level: int
    topics: list[ListOffsetsRequest.ListOffsetsTopic]
    timeout_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        replica_id: int = 0,
        isolation_level: int = 0,
        topics: list[ListOffsetsRequest.ListOffsetsTopic] = ...,
        timeout_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListOffsetsResponse(Message):
    class ListOffsetsPartitionResponse(Struct):
        partition_index: int
        error_code: int
        timestamp: int
        offset: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            timestamp: int = -1,
            offset: int = -1,
            leader_epoch: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ListOffsetsTopicResponse(Struct):
        name: str
        partitions: list[ListOffsetsResponse.ListOffsetsPartitionResponse]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[ListOffsetsResponse.ListOffsetsPartitionResponse] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[ListOffsetsResponse.ListOffsetsTopicResponse]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[ListOffsetsResponse.ListOffsetsTopicResponse] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListPartitionReassignmentsRequest(Message):
    class ListPartitionReassignmentsTopics(Struct):
        name: str
        partition_indexes: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partition_indexes: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    timeout_ms: int
    topics: list[ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        timeout_ms: int = 60000,
        topics: list[ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListPartitionReassignmentsResponse(Message):
    class OngoingPartitionReassignment(Struct):
        partition_index: int
        replicas: list[int]
        adding_replicas: list[int]
        removing_replicas: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            replicas: list[int] = ...,
            adding_replicas: list[int] = ...,
            removing_replicas: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OngoingTopicReassignment(Struct):
        name: str
        partitions: list[ListPartitionReassignmentsResponse.OngoingPartitionReassignment]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[ListPartitionReassignmentsResponse.OngoingPartitionReassignment] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    topics: list[ListPartitionReassignmentsResponse.OngoingTopicReassignment]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        topics: list[ListPartitionReassignmentsResponse.OngoingTopicReassignment] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListTransactionsRequest(Message):
    state_filters: list[str]
    producer_id_filters: list[int]
    duration_filter: int
    transactional_id_pattern: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        state_filters: list[str] = ...,
        producer_id_filters: list[int] = ...,
        duration_filter: int = -1,
        transactional_id_pattern: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ListTransactionsResponse(Message):
    class TransactionState(Struct):
        transactional_id: str
        producer_id: int
        transaction_state: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            transactional_id: str = '',
            producer_id: int = 0,
            transaction_state: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    unknown_state_filters: list[str]
    transaction_states: list[ListTransactionsResponse.TransactionState]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        unknown_state_filters: list[str] = ...,
        transaction_states: list[ListTransactionsResponse.TransactionState] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class MetadataRequest(Message):
    class MetadataRequestTopic(Struct):
        topic_id: bytes
        name: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            name: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topics: list[MetadataRequest.MetadataRequestTopic] | None
    allow_auto_topic_creation: bool
    include_cluster_authorized_operations: bool
    include_topic_authorized_operations: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topics: list[MetadataRequest.MetadataRequestTopic] | None = ...,
        allow_auto_topic_creation: bool = True,
        include_cluster_authorized_operations: bool = False,
        include_topic_authorized_operations: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class MetadataResponse(Message):
    class MetadataResponseBroker(Struct):
        node_id: int
        host: str
        port: int
        rack: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            node_id: int = 0,
            host: str = '',
            port: int = 0,
            rack: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class MetadataResponsePartition(Struct):
        error_code: int
        partition_index: int
        leader_id: int
        leader_epoch: int
        replica_nodes: list[int]
        isr_nodes: list[int]
        offline_replicas: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            partition_index: int = 0,
            leader_id: int = 0,
            leader_epoch: int = -1,
            replica_nodes: list[int] = ...,
            isr_nodes: list[int] = ...,
            offline_replicas: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class MetadataResponseTopic(Struct):
        error_code: int
        name: str | None
        topic_id: bytes
        is_internal: bool
        partitions: list[MetadataResponse.MetadataResponsePartition]
        topic_authorized_operations: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            name: str | None = '',
            topic_id: bytes = ...,
            is_internal: bool = False,
            partitions: list[MetadataResponse.MetadataResponsePartition] = ...,
            topic_authorized_operations: int = -2147483648,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    brokers: list[MetadataResponse.MetadataResponseBroker]
    cluster_id: str | None
    controller_id: int
    topics: list[MetadataResponse.MetadataResponseTopic]
    cluster_authorized_operations: int
    error_code: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        brokers: list[MetadataResponse.MetadataResponseBroker] = ...,
        cluster_id: str | None = None,
        controller_id: int = -1,
        topics: list[MetadataResponse.MetadataResponseTopic] = ...,
        cluster_authorized_operations: int = -2147483648,
        error_code: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class NoOpRecord(Message):
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetCommitKey(Message):
    group: str
    topic: str
    partition: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group: str = '',
        topic: str = '',
        partition: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetCommitRequest(Message):
    class OffsetCommitRequestPartition(Struct):
        partition_index: int
        committed_offset: int
        committed_leader_epoch: int
        committed_metadata: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            committed_offset: int = 0,
            committed_leader_epoch: int = -1,
            committed_metadata: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetCommitRequestTopic(Struct):
        name: str
        topic_id: bytes
        partitions: list[OffsetCommitRequest.OffsetCommitRequestPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partitions: list[OffsetCommitRequest.OffsetCommitRequestPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    generation_id_or_member_epoch: int
    member_id: str
    group_instance_id: str | None
    retention_time_ms: int
    topics: list[OffsetCommitRequest.OffsetCommitRequestTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        generation_id_or_member_epoch: int = -1,
        member_id: str = '',
        group_instance_id: str | None = None,
        retention_time_ms: int = -1,
        topics: list[OffsetCommitRequest.OffsetCommitRequestTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetCommitResponse(Message):
    class OffsetCommitResponsePartition(Struct):
        partition_index: int
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetCommitResponseTopic(Struct):
        name: str
        topic_id: bytes
        partitions: list[OffsetCommitResponse.OffsetCommitResponsePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partitions: list[OffsetCommitResponse.OffsetCommitResponsePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[OffsetCommitResponse.OffsetCommitResponseTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[OffsetCommitResponse.OffsetCommitResponseTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetCommitValue(Message):
    offset: int
    leader_epoch: int
    metadata: str
    commit_timestamp: int
    expire_timestamp: int
    topic_id: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        offset: int = 0,
        leader_epoch: int = -1,
        metadata: str = '',
        commit_timestamp: int = 0,
        expire_timestamp: int = -1,
        topic_id: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetDeleteRequest(Message):
    class OffsetDeleteRequestPartition(Struct):
        partition_index: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetDeleteRequestTopic(Struct):
        name: str
        partitions: list[OffsetDeleteRequest.OffsetDeleteRequestPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[OffsetDeleteRequest.OffsetDeleteRequestPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[OffsetDeleteRequest.OffsetDeleteRequestTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[OffsetDeleteRequest.OffsetDeleteRequestTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetDeleteResponse(Message):
    class OffsetDeleteResponsePartition(Struct):
        partition_index: int
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetDeleteResponseTopic(Struct):
        name: str
        partitions: list[OffsetDeleteResponse.OffsetDeleteResponsePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[OffsetDeleteResponse.OffsetDeleteResponsePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    error_code: int
    throttle_time_ms: int
    topics: list[OffsetDeleteResponse.OffsetDeleteResponseTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        throttle_time_ms: int = 0,
        topics: list[OffsetDeleteResponse.OffsetDeleteResponseTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetFetchRequest(Message):
    class OffsetFetchRequestTopic(Struct):
        name: str
        partition_indexes: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partition_indexes: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetFetchRequestTopics(Struct):
        name: str
        topic_id: bytes
        partition_indexes: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partition_indexes: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetFetchRequestGroup(Struct):
        group_id: str
        member_id: str | None
        member_epoch: int
        topics: list[OffsetFetchRequest.OffsetFetchRequestTopics] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            group_id: str = '',
            member_id: str | None = None,
            member_epoch: int = -1,
            topics: list[OffsetFetchRequest.OffsetFetchRequestTopics] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[OffsetFetchRequest.OffsetFetchRequestTopic] | None
    groups: list[OffsetFetchRequest.OffsetFetchRequestGroup]
    require_stable: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[OffsetFetchRequest.OffsetFetchRequestTopic] | None = ...,
        groups: list[OffsetFetchRequest.OffsetFetchRequestGroup] = ...,
        require_stable: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetFetchResponse(Message):
    class OffsetFetchResponsePartition(Struct):
        partition_index: int
        committed_offset: int
        committed_leader_epoch: int
        metadata: str | None
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            committed_offset: int = 0,
            committed_leader_epoch: int = -1,
            metadata: str | None = '',
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetFetchResponseTopic(Struct):
        name: str
        partitions: list[OffsetFetchResponse.OffsetFetchResponsePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[OffsetFetchResponse.OffsetFetchResponsePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetFetchResponsePartitions(Struct):
        partition_index: int
        committed_offset: int
        committed_leader_epoch: int
        metadata: str | None
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            committed_offset: int = 0,
            committed_leader_epoch: int = -1,
            metadata: str | None = '',
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetFetchResponseTopics(Struct):
        name: str
        topic_id: bytes
        partitions: list[OffsetFetchResponse.OffsetFetchResponsePartitions]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partitions: list[OffsetFetchResponse.OffsetFetchResponsePartitions] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetFetchResponseGroup(Struct):
        group_id: str
        topics: list[OffsetFetchResponse.OffsetFetchResponseTopics]
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            group_id: str = '',
            topics: list[OffsetFetchResponse.OffsetFetchResponseTopics] = ...,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[OffsetFetchResponse.OffsetFetchResponseTopic]
    error_code: int
    groups: list[OffsetFetchResponse.OffsetFetchResponseGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[OffsetFetchResponse.OffsetFetchResponseTopic] = ...,
        error_code: int = 0,
        groups: list[OffsetFetchResponse.OffsetFetchResponseGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetForLeaderEpochRequest(Message):
    class OffsetForLeaderPartition(Struct):
        partition: int
        current_leader_epoch: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            current_leader_epoch: int = -1,
            leader_epoch: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetForLeaderTopic(Struct):
        topic: str
        partitions: list[OffsetForLeaderEpochRequest.OffsetForLeaderPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[OffsetForLeaderEpochRequest.OffsetForLeaderPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    replica_id: int
    topics: list[OffsetForLeaderEpochRequest.OffsetForLeaderTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        replica_id: int = -2,
        topics: list[OffsetForLeaderEpochRequest.OffsetForLeaderTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class OffsetForLeaderEpochResponse(Message):
    class EpochEndOffset(Struct):
        error_code: int
        partition: int
        leader_epoch: int
        end_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            partition: int = 0,
            leader_epoch: int = -1,
            end_offset: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class OffsetForLeaderTopicResult(Struct):
        topic: str
        partitions: list[OffsetForLeaderEpochResponse.EpochEndOffset]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[OffsetForLeaderEpochResponse.EpochEndOffset] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class PartitionChangeRecord(Message):
    partition_id: int
    topic_id: bytes
    isr: list[int] | None
    leader: int
    replicas: list[int] | None
    removing_replicas: list[int] | None
    adding_replicas: list[int] | None
    leader_recovery_state: int
    directories: list[bytes] | None
    eligible_leader_replicas: list[int] | None
    last_known_elr: list[int] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        partition_id: int = -1,
        topic_id: bytes = ...,
        isr: list[int] | None = None,
        leader: int = -2,
        replicas: list[int] | None = None,
        removing_replicas: list[int] | None = None,
        adding_replicas: list[int] | None = None,
        leader_recovery_state: int = -1,
        directories: list[bytes] | None = None,
        eligible_leader_replicas: list[int] | None = None,
        last_known_elr: list[int] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class PartitionRecord(Message):
    partition_id: int
    topic_id: bytes
    replicas: list[int]
    isr: list[int]
    removing_replicas: list[int]
    adding_replicas: list[int]
    leader: int
    leader_recovery_state: int
    leader_epoch: int
    partition_epoch: int
    directories: list[bytes]
    eligible_leader_replicas: list[int] | None
    last_known_elr: list[int] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        partition_id: int = -1,
        topic_id: bytes = ...,
        replicas: list[int] = ...,
        isr: list[int] = ...,
        removing_replicas: list[int] = ...,
        adding_replicas: list[int] = ...,
        leader: int = -1,
        leader_recovery_state: int = 0,
        leader_epoch: int = -1,
        partition_epoch: int = -1,
        directories: list[bytes] = ...,
        eligible_leader_replicas: list[int] | None = None,
        last_known_elr: list[int] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ProduceRequest(Message):
    class PartitionProduceData(Struct):
        index: int
        records: Any
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            index: int = 0,
            records: Any = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicProduceData(Struct):
        name: str
        topic_id: bytes
        partition_data: list[ProduceRequest.PartitionProduceData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partition_data: list[ProduceRequest.PartitionProduceData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    transactional_id: str | None
    acks: int
    timeout_ms: int
    topic_data: list[ProduceRequest.TopicProduceData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_id: str | None = None,
        acks: int = 0,
        timeout_ms: int = 0,
        topic_data: list[ProduceRequest.TopicProduceData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ProduceResponse(Message):
    class BatchIndexAndErrorMessage(Struct):
        batch_index: int
        batch_index_error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            batch_index: int = 0,
            batch_index_error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class LeaderIdAndEpoch(Struct):
        leader_id: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            leader_id: int = -1,
            leader_epoch: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionProduceResponse(Struct):
        index: int
        error_code: int
        base_offset: int
        log_append_time_ms: int
        log_start_offset: int
        record_errors: list[ProduceResponse.BatchIndexAndErrorMessage]
        error_message: str | None
        current_leader: ProduceResponse.LeaderIdAndEpoch
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            index: int = 0,
            error_code: int = 0,
            base_offset: int = 0,
            log_append_time_ms: int = -1,
            log_start_offset: int = -1,
            record_errors: list[ProduceResponse.BatchIndexAndErrorMessage] = ...,
            error_message: str | None = None,
            current_leader: ProduceResponse.LeaderIdAndEpoch = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicProduceResponse(Struct):
        name: str
        topic_id: bytes
        partition_responses: list[ProduceResponse.PartitionProduceResponse]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partition_responses: list[ProduceResponse.PartitionProduceResponse] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: int
        host: str
        port: int
        rack: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            node_id: int = 0,
            host: str = '',
            port: int = 0,
            rack: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    responses: list[ProduceResponse.TopicProduceResponse]
    throttle_time_ms: int
    node_endpoints: list[ProduceResponse.NodeEndpoint]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        responses: list[ProduceResponse.TopicProduceResponse] = ...,
        throttle_time_ms: int = 0,
        node_endpoints: list[ProduceResponse.NodeEndpoint] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ProducerIdsRecord(Message):
    broker_id: int
    broker_epoch: int
    next_producer_id: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        broker_id: int = 0,
        broker_epoch: int = -1,
        next_producer_id: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ProducerSnapshot(Message):
    class ProducerEntry(Struct):
        producer_id: int
        epoch: int
        last_sequence: int
        last_offset: int
        offset_delta: int
        timestamp: int
        coordinator_epoch: int
        current_txn_first_offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            producer_id: int = 0,
            epoch: int = 0,
            last_sequence: int = 0,
            last_offset: int = 0,
            offset_delta: int = 0,
            timestamp: int = 0,
            coordinator_epoch: int = 0,
            current_txn_first_offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    crc: int
    producer_entries: list[ProducerSnapshot.ProducerEntry]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        crc: int = 0,
        producer_entries: list[ProducerSnapshot.ProducerEntry] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class PushTelemetryRequest(Message):
    client_instance_id: bytes
    subscription_id: int
    terminating: bool
    compression_type: int
    metrics: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        client_instance_id: bytes = ...,
        subscription_id: int = 0,
        terminating: bool = False,
        compression_type: int = 0,
        metrics: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class PushTelemetryResponse(Message):
    throttle_time_ms: int
    error_code: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class QuorumStateData(Message):
    class Voter(Struct):
        voter_id: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            voter_id: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    cluster_id: str
    leader_id: int
    leader_epoch: int
    voted_id: int
    voted_directory_id: bytes
    applied_offset: int
    current_voters: list[QuorumStateData.Voter] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        cluster_id: str = '',
        leader_id: int = -1,
        leader_epoch: int = -1,
        voted_id: int = -1,
        voted_directory_id: bytes = ...,
        applied_offset: int = 0,
        current_voters: list[QuorumStateData.Voter] | None = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ReadShareGroupStateRequest(Message):
    class PartitionData(Struct):
        partition: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            leader_epoch: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReadStateData(Struct):
        topic_id: bytes
        partitions: list[ReadShareGroupStateRequest.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ReadShareGroupStateRequest.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[ReadShareGroupStateRequest.ReadStateData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[ReadShareGroupStateRequest.ReadStateData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ReadShareGroupStateResponse(Message):
    class StateBatch(Struct):
        first_offset: int
        last_offset: int
        delivery_state: int
        delivery_count: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            delivery_state: int = 0,
            delivery_count: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionResult(Struct):
        partition: int
        error_code: int
        error_message: str | None
        state_epoch: int
        start_offset: int
        state_batches: list[ReadShareGroupStateResponse.StateBatch]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            state_epoch: int = 0,
            start_offset: int = 0,
            state_batches: list[ReadShareGroupStateResponse.StateBatch] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReadStateResult(Struct):
        topic_id: bytes
        partitions: list[ReadShareGroupStateResponse.PartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ReadShareGroupStateResponse.PartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    results: list[ReadShareGroupStateResponse.ReadStateResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        results: list[ReadShareGroupStateResponse.ReadStateResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ReadShareGroupStateSummaryRequest(Message):
    class PartitionData(Struct):
        partition: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            leader_epoch: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReadStateSummaryData(Struct):
        topic_id: bytes
        partitions: list[ReadShareGroupStateSummaryRequest.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ReadShareGroupStateSummaryRequest.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[ReadShareGroupStateSummaryRequest.ReadStateSummaryData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[ReadShareGroupStateSummaryRequest.ReadStateSummaryData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ReadShareGroupStateSummaryResponse(Message):
    class PartitionResult(Struct):
        partition: int
        error_code: int
        error_message: str | None
        state_epoch: int
        leader_epoch: int
        start_offset: int
        delivery_complete_count: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            state_epoch: int = 0,
            leader_epoch: int = 0,
            start_offset: int = 0,
            delivery_complete_count: int = -1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ReadStateSummaryResult(Struct):
        topic_id: bytes
        partitions: list[ReadShareGroupStateSummaryResponse.PartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ReadShareGroupStateSummaryResponse.PartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    results: list[ReadShareGroupStateSummaryResponse.ReadStateSummaryResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        results: list[ReadShareGroupStateSummaryResponse.ReadStateSummaryResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RegisterBrokerRecord(Message):
    class BrokerEndpoint(Struct):
        name: str
        host: str
        port: int
        security_protocol: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            host: str = '',
            port: int = 0,
            security_protocol: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class BrokerFeature(Struct):
        name: str
        min_supported_version: int
        max_supported_version: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            min_supported_version: int = 0,
            max_supported_version: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    broker_id: int
    is_migrating_zk_broker: bool
    incarnation_id: bytes
    broker_epoch: int
    end_points: list[RegisterBrokerRecord.BrokerEndpoint]
    features: list[RegisterBrokerRecord.BrokerFeature]
    rack: str | None
    fenced: bool
    in_controlled_shutdown: bool
    log_dirs: list[bytes]
    cordoned_log_dirs: list[bytes] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        broker_id: int = 0,
        is_migrating_zk_broker: bool = False,
        incarnation_id: bytes = ...,
        broker_epoch: int = 0,
        end_points: list[RegisterBrokerRecord.BrokerEndpoint] = ...,
        features: list[RegisterBrokerRecord.BrokerFeature] = ...,
        rack: str | None = '',
        fenced: bool = True,
        in_controlled_shutdown: bool = False,
        log_dirs: list[bytes] = ...,
        cordoned_log_dirs: list[bytes] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RegisterControllerRecord(Message):
    class ControllerEndpoint(Struct):
        name: str
        host: str
        port: int
        security_protocol: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            host: str = '',
            port: int = 0,
            security_protocol: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ControllerFeature(Struct):
        name: str
        min_supported_version: int
        max_supported_version: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            min_supported_version: int = 0,
            max_supported_version: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    controller_id: int
    incarnation_id: bytes
    zk_migration_ready: bool
    end_points: list[RegisterControllerRecord.ControllerEndpoint]
    features: list[RegisterControllerRecord.ControllerFeature]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        controller_id: int = 0,
        incarnation_id: bytes = ...,
        zk_migration_ready: bool = False,
        end_points: list[RegisterControllerRecord.ControllerEndpoint] = ...,
        features: list[RegisterControllerRecord.ControllerFeature] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoteLogSegmentMetadataRecord(Message):
    class TopicIdPartitionEntry(Struct):
        name: str
        id: bytes
        partition: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            id: bytes = ...,
            partition: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class RemoteLogSegmentIdEntry(Struct):
        topic_id_partition: RemoteLogSegmentMetadataRecord.TopicIdPartitionEntry
        id: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id_partition: RemoteLogSegmentMetadataRecord.TopicIdPartitionEntry = ...,
            id: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class SegmentLeaderEpochEntry(Struct):
        leader_epoch: int
        offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            leader_epoch: int = 0,
            offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    remote_log_segment_id: RemoteLogSegmentMetadataRecord.RemoteLogSegmentIdEntry
    start_offset: int
    end_offset: int
    broker_id: int
    max_timestamp_ms: int
    event_timestamp_ms: int
    segment_leader_epochs: list[RemoteLogSegmentMetadataRecord.SegmentLeaderEpochEntry]
    segment_size_in_bytes: int
    custom_metadata: bytes | None
    remote_log_segment_state: int
    txn_index_empty: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        remote_log_segment_id: RemoteLogSegmentMetadataRecord.RemoteLogSegmentIdEntry = ...,
        start_offset: int = 0,
        end_offset: int = 0,
        broker_id: int = 0,
        max_timestamp_ms: int = 0,
        event_timestamp_ms: int = 0,
        segment_leader_epochs: list[RemoteLogSegmentMetadataRecord.SegmentLeaderEpochEntry] = ...,
        segment_size_in_bytes: int = 0,
        custom_metadata: bytes | None = None,
        remote_log_segment_state: int = 0,
        txn_index_empty: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoteLogSegmentMetadataSnapshotRecord(Message):
    class SegmentLeaderEpochEntry(Struct):
        leader_epoch: int
        offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            leader_epoch: int = 0,
            offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    segment_id: bytes
    start_offset: int
    end_offset: int
    broker_id: int
    max_timestamp_ms: int
    event_timestamp_ms: int
    segment_leader_epochs: list[RemoteLogSegmentMetadataSnapshotRecord.SegmentLeaderEpochEntry]
    segment_size_in_bytes: int
    custom_metadata: bytes | None
    remote_log_segment_state: int
    txn_index_empty: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        segment_id: bytes = ...,
        start_offset: int = 0,
        end_offset: int = 0,
        broker_id: int = 0,
        max_timestamp_ms: int = 0,
        event_timestamp_ms: int = 0,
        segment_leader_epochs: list[RemoteLogSegmentMetadataSnapshotRecord.SegmentLeaderEpochEntry] = ...,
        segment_size_in_bytes: int = 0,
        custom_metadata: bytes | None = None,
        remote_log_segment_state: int = 0,
        txn_index_empty: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoteLogSegmentMetadataUpdateRecord(Message):
    class TopicIdPartitionEntry(Struct):
        name: str
        id: bytes
        partition: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            id: bytes = ...,
            partition: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class RemoteLogSegmentIdEntry(Struct):
        topic_id_partition: RemoteLogSegmentMetadataUpdateRecord.TopicIdPartitionEntry
        id: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id_partition: RemoteLogSegmentMetadataUpdateRecord.TopicIdPartitionEntry = ...,
            id: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    remote_log_segment_id: RemoteLogSegmentMetadataUpdateRecord.RemoteLogSegmentIdEntry
    broker_id: int
    event_timestamp_ms: int
    custom_metadata: bytes | None
    remote_log_segment_state: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        remote_log_segment_id: RemoteLogSegmentMetadataUpdateRecord.RemoteLogSegmentIdEntry = ...,
        broker_id: int = 0,
        event_timestamp_ms: int = 0,
        custom_metadata: bytes | None = None,
        remote_log_segment_state: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemotePartitionDeleteMetadataRecord(Message):
    class TopicIdPartitionEntry(Struct):
        name: str
        id: bytes
        partition: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            id: bytes = ...,
            partition: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topic_id_partition: RemotePartitionDeleteMetadataRecord.TopicIdPartitionEntry
    broker_id: int
    event_timestamp_ms: int
    remote_partition_delete_state: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topic_id_partition: RemotePartitionDeleteMetadataRecord.TopicIdPartitionEntry = ...,
        broker_id: int = 0,
        event_timestamp_ms: int = 0,
        remote_partition_delete_state: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoveAccessControlEntryRecord(Message):
    id: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        id: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoveDelegationTokenRecord(Message):
    token_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        token_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoveRaftVoterRequest(Message):
    cluster_id: str | None
    voter_id: int
    voter_directory_id: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        cluster_id: str | None = '',
        voter_id: int = 0,
        voter_directory_id: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoveRaftVoterResponse(Message):
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoveTopicRecord(Message):
    topic_id: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topic_id: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RemoveUserScramCredentialRecord(Message):
    name: str
    mechanism: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        name: str = '',
        mechanism: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RenewDelegationTokenRequest(Message):
    hmac: bytes
    renew_period_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        hmac: bytes = ...,
        renew_period_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RenewDelegationTokenResponse(Message):
    error_code: int
    expiry_timestamp_ms: int
    throttle_time_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        expiry_timestamp_ms: int = 0,
        throttle_time_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class RequestHeader(Message):
    request_api_key: int
    request_api_version: int
    correlation_id: int
    client_id: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        request_api_key: int = 0,
        request_api_version: int = 0,
        correlation_id: int = 0,
        client_id: str | None = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ResponseHeader(Message):
    correlation_id: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        correlation_id: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SaslAuthenticateRequest(Message):
    auth_bytes: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        auth_bytes: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SaslAuthenticateResponse(Message):
    error_code: int
    error_message: str | None
    auth_bytes: bytes
    session_lifetime_ms: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        error_message: str | None = '',
        auth_bytes: bytes = ...,
        session_lifetime_ms: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SaslHandshakeRequest(Message):
    mechanism: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        mechanism: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SaslHandshakeResponse(Message):
    error_code: int
    mechanisms: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        error_code: int = 0,
        mechanisms: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareAcknowledgeRequest(Message):
    class AcknowledgementBatch(Struct):
        first_offset: int
        last_offset: int
        acknowledge_types: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            acknowledge_types: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AcknowledgePartition(Struct):
        partition_index: int
        acknowledgement_batches: list[ShareAcknowledgeRequest.AcknowledgementBatch]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            acknowledgement_batches: list[ShareAcknowledgeRequest.AcknowledgementBatch] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AcknowledgeTopic(Struct):
        topic_id: bytes
        partitions: list[ShareAcknowledgeRequest.AcknowledgePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ShareAcknowledgeRequest.AcknowledgePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str | None
    member_id: str | None
    share_session_epoch: int
    is_renew_ack: bool
    topics: list[ShareAcknowledgeRequest.AcknowledgeTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str | None = None,
        member_id: str | None = '',
        share_session_epoch: int = 0,
        is_renew_ack: bool = False,
        topics: list[ShareAcknowledgeRequest.AcknowledgeTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareAcknowledgeResponse(Message):
    class LeaderIdAndEpoch(Struct):
        leader_id: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            leader_id: int = 0,
            leader_epoch: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionData(Struct):
        partition_index: int
        error_code: int
        error_message: str | None
        current_leader: ShareAcknowledgeResponse.LeaderIdAndEpoch
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            current_leader: ShareAcknowledgeResponse.LeaderIdAndEpoch = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ShareAcknowledgeTopicResponse(Struct):
        topic_id: bytes
        partitions: list[ShareAcknowledgeResponse.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ShareAcknowledgeResponse.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: int
        host: str
        port: int
        rack: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            node_id: int = 0,
            host: str = '',
            port: int = 0,
            rack: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    acquisition_lock_timeout_ms: int
    responses: list[ShareAcknowledgeResponse.ShareAcknowledgeTopicResponse]
    node_endpoints: list[ShareAcknowledgeResponse.NodeEndpoint]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        acquisition_lock_timeout_ms: int = 0,
        responses: list[ShareAcknowledgeResponse.ShareAcknowledgeTopicResponse] = ...,
        node_endpoints: list[ShareAcknowledgeResponse.NodeEndpoint] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareFetchRequest(Message):
    class AcknowledgementBatch(Struct):
        first_offset: int
        last_offset: int
        acknowledge_types: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            acknowledge_types: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class FetchPartition(Struct):
        partition_index: int
        partition_max_bytes: int
        acknowledgement_batches: list[ShareFetchRequest.AcknowledgementBatch]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            partition_max_bytes: int = 0,
            acknowledgement_batches: list[ShareFetchRequest.AcknowledgementBatch] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class FetchTopic(Struct):
        topic_id: bytes
        partitions: list[ShareFetchRequest.FetchPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ShareFetchRequest.FetchPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ForgottenTopic(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str | None
    member_id: str | None
    share_session_epoch: int
    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    max_records: int
    batch_size: int
    share_acquire_mode: int
    is_renew_ack: bool
    topics: list[ShareFetchRequest.FetchTopic]
    forgotten_topics_data: list[ShareFetchRequest.ForgottenTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str | None = None,
        member_id: str | None = '',
        share_session_epoch: int = 0,
        max_wait_ms: int = 0,
        min_bytes: int = 0,
        max_bytes: int = 2147483647,
        max_records: int = 0,
        batch_size: int = 0,
        share_acquire_mode: int = 0,
        is_renew_ack: bool = False,
        topics: list[ShareFetchRequest.FetchTopic] = ...,
        forgotten_topics_data: list[ShareFetchRequest.ForgottenTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareFetchResponse(Message):
    class LeaderIdAndEpoch(Struct):
        leader_id: int
        leader_epoch: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            leader_id: int = 0,
            leader_epoch: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class AcquiredRecords(Struct):
        first_offset: int
        last_offset: int
        delivery_count: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            delivery_count: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionData(Struct):
        partition_index: int
        error_code: int
        error_message: str | None
        acknowledge_error_code: int
        acknowledge_error_message: str | None
        current_leader: ShareFetchResponse.LeaderIdAndEpoch
        records: Any
        acquired_records: list[ShareFetchResponse.AcquiredRecords]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            acknowledge_error_code: int = 0,
            acknowledge_error_message: str | None = None,
            current_leader: ShareFetchResponse.LeaderIdAndEpoch = ...,
            records: Any = None,
            acquired_records: list[ShareFetchResponse.AcquiredRecords] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class ShareFetchableTopicResponse(Struct):
        topic_id: bytes
        partitions: list[ShareFetchResponse.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[ShareFetchResponse.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class NodeEndpoint(Struct):
        node_id: int
        host: str
        port: int
        rack: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            node_id: int = 0,
            host: str = '',
            port: int = 0,
            rack: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    acquisition_lock_timeout_ms: int
    responses: list[ShareFetchResponse.ShareFetchableTopicResponse]
    node_endpoints: list[ShareFetchResponse.NodeEndpoint]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        acquisition_lock_timeout_ms: int = 0,
        responses: list[ShareFetchResponse.ShareFetchableTopicResponse] = ...,
        node_endpoints: list[ShareFetchResponse.NodeEndpoint] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupCurrentMemberAssignmentKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupCurrentMemberAssignmentValue(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    member_epoch: int
    previous_member_epoch: int
    state: int
    assigned_partitions: list[ShareGroupCurrentMemberAssignmentValue.TopicPartitions]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        member_epoch: int = 0,
        previous_member_epoch: int = 0,
        state: int = 0,
        assigned_partitions: list[ShareGroupCurrentMemberAssignmentValue.TopicPartitions] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupDescribeRequest(Message):
    group_ids: list[str]
    include_authorized_operations: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_ids: list[str] = ...,
        include_authorized_operations: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupDescribeResponse(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        topic_name: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            topic_name: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Assignment(Struct):
        topic_partitions: list[ShareGroupDescribeResponse.TopicPartitions]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_partitions: list[ShareGroupDescribeResponse.TopicPartitions] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Member(Struct):
        member_id: str
        rack_id: str | None
        member_epoch: int
        client_id: str
        client_host: str
        subscribed_topic_names: list[str]
        assignment: ShareGroupDescribeResponse.Assignment
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            rack_id: str | None = None,
            member_epoch: int = 0,
            client_id: str = '',
            client_host: str = '',
            subscribed_topic_names: list[str] = ...,
            assignment: ShareGroupDescribeResponse.Assignment = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribedGroup(Struct):
        error_code: int
        error_message: str | None
        group_id: str
        group_state: str
        group_epoch: int
        assignment_epoch: int
        assignor_name: str
        members: list[ShareGroupDescribeResponse.Member]
        authorized_operations: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = None,
            group_id: str = '',
            group_state: str = '',
            group_epoch: int = 0,
            assignment_epoch: int = 0,
            assignor_name: str = '',
            members: list[ShareGroupDescribeResponse.Member] = ...,
            authorized_operations: int = -2147483648,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    groups: list[ShareGroupDescribeResponse.DescribedGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        groups: list[ShareGroupDescribeResponse.DescribedGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupHeartbeatRequest(Message):
    group_id: str
    member_id: str
    member_epoch: int
    rack_id: str | None
    subscribed_topic_names: list[str] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        member_epoch: int = 0,
        rack_id: str | None = None,
        subscribed_topic_names: list[str] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupHeartbeatResponse(Message):
    class TopicPartitions(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Assignment(Struct):
        topic_partitions: list[ShareGroupHeartbeatResponse.TopicPartitions]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_partitions: list[ShareGroupHeartbeatResponse.TopicPartitions] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    member_id: str | None
    member_epoch: int
    heartbeat_interval_ms: int
    assignment: ShareGroupHeartbeatResponse.Assignment | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        member_id: str | None = None,
        member_epoch: int = 0,
        heartbeat_interval_ms: int = 0,
        assignment: ShareGroupHeartbeatResponse.Assignment | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupMemberMetadataKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupMemberMetadataValue(Message):
    rack_id: str | None
    client_id: str
    client_host: str
    subscribed_topic_names: list[str]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        rack_id: str | None = '',
        client_id: str = '',
        client_host: str = '',
        subscribed_topic_names: list[str] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupMetadataValue(Message):
    epoch: int
    metadata_hash: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        epoch: int = 0,
        metadata_hash: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupStatePartitionMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupStatePartitionMetadataValue(Message):
    class TopicPartitionsInfo(Struct):
        topic_id: bytes
        topic_name: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            topic_name: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicInfo(Struct):
        topic_id: bytes
        topic_name: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            topic_name: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    initializing_topics: list[ShareGroupStatePartitionMetadataValue.TopicPartitionsInfo]
    initialized_topics: list[ShareGroupStatePartitionMetadataValue.TopicPartitionsInfo]
    deleting_topics: list[ShareGroupStatePartitionMetadataValue.TopicInfo]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        initializing_topics: list[ShareGroupStatePartitionMetadataValue.TopicPartitionsInfo] = ...,
        initialized_topics: list[ShareGroupStatePartitionMetadataValue.TopicPartitionsInfo] = ...,
        deleting_topics: list[ShareGroupStatePartitionMetadataValue.TopicInfo] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupTargetAssignmentMemberKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupTargetAssignmentMemberValue(Message):
    class TopicPartition(Struct):
        topic_id: bytes
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    topic_partitions: list[ShareGroupTargetAssignmentMemberValue.TopicPartition]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        topic_partitions: list[ShareGroupTargetAssignmentMemberValue.TopicPartition] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupTargetAssignmentMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareGroupTargetAssignmentMetadataValue(Message):
    assignment_epoch: int
    assignment_timestamp: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        assignment_epoch: int = 0,
        assignment_timestamp: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareSnapshotKey(Message):
    group_id: str
    topic_id: bytes
    partition: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topic_id: bytes = ...,
        partition: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareSnapshotValue(Message):
    class StateBatch(Struct):
        first_offset: int
        last_offset: int
        delivery_state: int
        delivery_count: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            delivery_state: int = 0,
            delivery_count: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    snapshot_epoch: int
    state_epoch: int
    leader_epoch: int
    start_offset: int
    delivery_complete_count: int
    create_timestamp: int
    write_timestamp: int
    state_batches: list[ShareSnapshotValue.StateBatch]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        snapshot_epoch: int = 0,
        state_epoch: int = 0,
        leader_epoch: int = 0,
        start_offset: int = 0,
        delivery_complete_count: int = -1,
        create_timestamp: int = 0,
        write_timestamp: int = 0,
        state_batches: list[ShareSnapshotValue.StateBatch] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareUpdateKey(Message):
    group_id: str
    topic_id: bytes
    partition: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topic_id: bytes = ...,
        partition: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ShareUpdateValue(Message):
    class StateBatch(Struct):
        first_offset: int
        last_offset: int
        delivery_state: int
        delivery_count: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            delivery_state: int = 0,
            delivery_count: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    snapshot_epoch: int
    leader_epoch: int
    start_offset: int
    delivery_complete_count: int
    state_batches: list[ShareUpdateValue.StateBatch]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        snapshot_epoch: int = 0,
        leader_epoch: int = 0,
        start_offset: int = 0,
        delivery_complete_count: int = -1,
        state_batches: list[ShareUpdateValue.StateBatch] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SnapshotFooterRecord(Message):
    version: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        version: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SnapshotHeaderRecord(Message):
    version: int
    last_contained_log_timestamp: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        version: int = 0,
        last_contained_log_timestamp: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupCurrentMemberAssignmentKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupCurrentMemberAssignmentValue(Message):
    class TaskIds(Struct):
        subtopology_id: str
        partitions: list[int]
        assignment_epochs: list[int] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partitions: list[int] = ...,
            assignment_epochs: list[int] | None = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    member_epoch: int
    previous_member_epoch: int
    state: int
    active_tasks: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds]
    standby_tasks: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds]
    warmup_tasks: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds]
    active_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds]
    standby_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds]
    warmup_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        member_epoch: int = 0,
        previous_member_epoch: int = 0,
        state: int = 0,
        active_tasks: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds] = ...,
        standby_tasks: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds] = ...,
        warmup_tasks: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds] = ...,
        active_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds] = ...,
        standby_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds] = ...,
        warmup_tasks_pending_revocation: list[StreamsGroupCurrentMemberAssignmentValue.TaskIds] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupDescribeRequest(Message):
    group_ids: list[str]
    include_authorized_operations: bool
    include_topology_description: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_ids: list[str] = ...,
        include_authorized_operations: bool = False,
        include_topology_description: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupDescribeResponse(Message):
    class KeyValue(Struct):
        key: str
        value: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicInfo(Struct):
        name: str
        partitions: int
        replication_factor: int
        topic_configs: list[StreamsGroupDescribeResponse.KeyValue]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: int = 0,
            replication_factor: int = 0,
            topic_configs: list[StreamsGroupDescribeResponse.KeyValue] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Subtopology(Struct):
        subtopology_id: str
        source_topics: list[str]
        repartition_sink_topics: list[str]
        state_changelog_topics: list[StreamsGroupDescribeResponse.TopicInfo]
        repartition_source_topics: list[StreamsGroupDescribeResponse.TopicInfo]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            source_topics: list[str] = ...,
            repartition_sink_topics: list[str] = ...,
            state_changelog_topics: list[StreamsGroupDescribeResponse.TopicInfo] = ...,
            repartition_source_topics: list[StreamsGroupDescribeResponse.TopicInfo] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Topology(Struct):
        epoch: int
        subtopologies: list[StreamsGroupDescribeResponse.Subtopology] | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            epoch: int = 0,
            subtopologies: list[StreamsGroupDescribeResponse.Subtopology] | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Endpoint(Struct):
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TaskOffset(Struct):
        subtopology_id: str
        partition: int
        offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partition: int = 0,
            offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TaskIds(Struct):
        subtopology_id: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Assignment(Struct):
        active_tasks: list[StreamsGroupDescribeResponse.TaskIds]
        standby_tasks: list[StreamsGroupDescribeResponse.TaskIds]
        warmup_tasks: list[StreamsGroupDescribeResponse.TaskIds]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            active_tasks: list[StreamsGroupDescribeResponse.TaskIds] = ...,
            standby_tasks: list[StreamsGroupDescribeResponse.TaskIds] = ...,
            warmup_tasks: list[StreamsGroupDescribeResponse.TaskIds] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Member(Struct):
        member_id: str
        member_epoch: int
        instance_id: str | None
        rack_id: str | None
        client_id: str
        client_host: str
        topology_epoch: int
        process_id: str
        user_endpoint: StreamsGroupDescribeResponse.Endpoint | None
        client_tags: list[StreamsGroupDescribeResponse.KeyValue]
        task_offsets: list[StreamsGroupDescribeResponse.TaskOffset]
        task_end_offsets: list[StreamsGroupDescribeResponse.TaskOffset]
        assignment: StreamsGroupDescribeResponse.Assignment
        target_assignment: StreamsGroupDescribeResponse.Assignment
        is_classic: bool
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            member_epoch: int = 0,
            instance_id: str | None = None,
            rack_id: str | None = None,
            client_id: str = '',
            client_host: str = '',
            topology_epoch: int = 0,
            process_id: str = '',
            user_endpoint: StreamsGroupDescribeResponse.Endpoint | None = None,
            client_tags: list[StreamsGroupDescribeResponse.KeyValue] = ...,
            task_offsets: list[StreamsGroupDescribeResponse.TaskOffset] = ...,
            task_end_offsets: list[StreamsGroupDescribeResponse.TaskOffset] = ...,
            assignment: StreamsGroupDescribeResponse.Assignment = ...,
            target_assignment: StreamsGroupDescribeResponse.Assignment = ...,
            is_classic: bool = False,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescriptionNode(Struct):
        name: str
        node_type: int
        source_topics: list[str]
        sink_topic: str | None
        stores: list[str]
        successors: list[str]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            node_type: int = 0,
            source_topics: list[str] = ...,
            sink_topic: str | None = None,
            stores: list[str] = ...,
            successors: list[str] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescriptionSubtopology(Struct):
        subtopology_id: str
        nodes: list[StreamsGroupDescribeResponse.TopologyDescriptionNode]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            nodes: list[StreamsGroupDescribeResponse.TopologyDescriptionNode] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescriptionGlobalStore(Struct):
        source: StreamsGroupDescribeResponse.TopologyDescriptionNode
        processor: StreamsGroupDescribeResponse.TopologyDescriptionNode
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            source: StreamsGroupDescribeResponse.TopologyDescriptionNode = ...,
            processor: StreamsGroupDescribeResponse.TopologyDescriptionNode = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescription(Struct):
        subtopologies: list[StreamsGroupDescribeResponse.TopologyDescriptionSubtopology]
        global_stores: list[StreamsGroupDescribeResponse.TopologyDescriptionGlobalStore]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopologies: list[StreamsGroupDescribeResponse.TopologyDescriptionSubtopology] = ...,
            global_stores: list[StreamsGroupDescribeResponse.TopologyDescriptionGlobalStore] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class DescribedGroup(Struct):
        error_code: int
        error_message: str | None
        group_id: str
        group_state: str
        group_epoch: int
        assignment_epoch: int
        topology: StreamsGroupDescribeResponse.Topology | None
        members: list[StreamsGroupDescribeResponse.Member]
        authorized_operations: int
        topology_description: StreamsGroupDescribeResponse.TopologyDescription | None
        topology_description_status: int
        assignor_name: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            error_code: int = 0,
            error_message: str | None = None,
            group_id: str = '',
            group_state: str = '',
            group_epoch: int = 0,
            assignment_epoch: int = 0,
            topology: StreamsGroupDescribeResponse.Topology | None = None,
            members: list[StreamsGroupDescribeResponse.Member] = ...,
            authorized_operations: int = -2147483648,
            topology_description: StreamsGroupDescribeResponse.TopologyDescription | None = None,
            topology_description_status: int = 0,
            assignor_name: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    groups: list[StreamsGroupDescribeResponse.DescribedGroup]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        groups: list[StreamsGroupDescribeResponse.DescribedGroup] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupHeartbeatRequest(Message):
    class KeyValue(Struct):
        key: str
        value: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicInfo(Struct):
        name: str
        partitions: int
        replication_factor: int
        topic_configs: list[StreamsGroupHeartbeatRequest.KeyValue]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: int = 0,
            replication_factor: int = 0,
            topic_configs: list[StreamsGroupHeartbeatRequest.KeyValue] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class CopartitionGroup(Struct):
        source_topics: list[int]
        source_topic_regex: list[int]
        repartition_source_topics: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            source_topics: list[int] = ...,
            source_topic_regex: list[int] = ...,
            repartition_source_topics: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Subtopology(Struct):
        subtopology_id: str
        source_topics: list[str]
        source_topic_regex: list[str]
        state_changelog_topics: list[StreamsGroupHeartbeatRequest.TopicInfo]
        repartition_sink_topics: list[str]
        repartition_source_topics: list[StreamsGroupHeartbeatRequest.TopicInfo]
        copartition_groups: list[StreamsGroupHeartbeatRequest.CopartitionGroup]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            source_topics: list[str] = ...,
            source_topic_regex: list[str] = ...,
            state_changelog_topics: list[StreamsGroupHeartbeatRequest.TopicInfo] = ...,
            repartition_sink_topics: list[str] = ...,
            repartition_source_topics: list[StreamsGroupHeartbeatRequest.TopicInfo] = ...,
            copartition_groups: list[StreamsGroupHeartbeatRequest.CopartitionGroup] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Topology(Struct):
        epoch: int
        subtopologies: list[StreamsGroupHeartbeatRequest.Subtopology]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            epoch: int = 0,
            subtopologies: list[StreamsGroupHeartbeatRequest.Subtopology] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TaskIds(Struct):
        subtopology_id: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Endpoint(Struct):
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TaskOffset(Struct):
        subtopology_id: str
        partition: int
        offset: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partition: int = 0,
            offset: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    member_id: str
    member_epoch: int
    endpoint_information_epoch: int
    instance_id: str | None
    rack_id: str | None
    rebalance_timeout_ms: int
    topology: StreamsGroupHeartbeatRequest.Topology | None
    active_tasks: list[StreamsGroupHeartbeatRequest.TaskIds] | None
    standby_tasks: list[StreamsGroupHeartbeatRequest.TaskIds] | None
    warmup_tasks: list[StreamsGroupHeartbeatRequest.TaskIds] | None
    process_id: str | None
    user_endpoint: StreamsGroupHeartbeatRequest.Endpoint | None
    client_tags: list[StreamsGroupHeartbeatRequest.KeyValue] | None
    task_offsets: list[StreamsGroupHeartbeatRequest.TaskOffset] | None
    task_end_offsets: list[StreamsGroupHeartbeatRequest.TaskOffset] | None
    shutdown_application: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        member_epoch: int = 0,
        endpoint_information_epoch: int = 0,
        instance_id: str | None = None,
        rack_id: str | None = None,
        rebalance_timeout_ms: int = -1,
        topology: StreamsGroupHeartbeatRequest.Topology | None = None,
        active_tasks: list[StreamsGroupHeartbeatRequest.TaskIds] | None = None,
        standby_tasks: list[StreamsGroupHeartbeatRequest.TaskIds] | None = None,
        warmup_tasks: list[StreamsGroupHeartbeatRequest.TaskIds] | None = None,
        process_id: str | None = None,
        user_endpoint: StreamsGroupHeartbeatRequest.Endpoint | None = None,
        client_tags: list[StreamsGroupHeartbeatRequest.KeyValue] | None = None,
        task_offsets: list[StreamsGroupHeartbeatRequest.TaskOffset] | None = None,
        task_end_offsets: list[StreamsGroupHeartbeatRequest.TaskOffset] | None = None,
        shutdown_application: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupHeartbeatResponse(Message):
    class Status(Struct):
        status_code: int
        status_detail: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            status_code: int = 0,
            status_detail: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TaskIds(Struct):
        subtopology_id: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Endpoint(Struct):
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicPartition(Struct):
        topic: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class EndpointToPartitions(Struct):
        user_endpoint: StreamsGroupHeartbeatResponse.Endpoint
        active_partitions: list[StreamsGroupHeartbeatResponse.TopicPartition]
        standby_partitions: list[StreamsGroupHeartbeatResponse.TopicPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            user_endpoint: StreamsGroupHeartbeatResponse.Endpoint = ...,
            active_partitions: list[StreamsGroupHeartbeatResponse.TopicPartition] = ...,
            standby_partitions: list[StreamsGroupHeartbeatResponse.TopicPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int
    acceptable_recovery_lag_legacy: int
    task_offset_interval_ms: int
    acceptable_recovery_lag: int
    status: list[StreamsGroupHeartbeatResponse.Status] | None
    active_tasks: list[StreamsGroupHeartbeatResponse.TaskIds] | None
    standby_tasks: list[StreamsGroupHeartbeatResponse.TaskIds] | None
    warmup_tasks: list[StreamsGroupHeartbeatResponse.TaskIds] | None
    topology_description_required: bool
    endpoint_information_epoch: int
    partitions_by_user_endpoint: list[StreamsGroupHeartbeatResponse.EndpointToPartitions] | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        member_id: str = '',
        member_epoch: int = 0,
        heartbeat_interval_ms: int = 0,
        acceptable_recovery_lag_legacy: int = 0,
        task_offset_interval_ms: int = 0,
        acceptable_recovery_lag: int = -1,
        status: list[StreamsGroupHeartbeatResponse.Status] | None = ...,
        active_tasks: list[StreamsGroupHeartbeatResponse.TaskIds] | None = None,
        standby_tasks: list[StreamsGroupHeartbeatResponse.TaskIds] | None = None,
        warmup_tasks: list[StreamsGroupHeartbeatResponse.TaskIds] | None = None,
        topology_description_required: bool = False,
        endpoint_information_epoch: int = 0,
        partitions_by_user_endpoint: list[StreamsGroupHeartbeatResponse.EndpointToPartitions] | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupMemberMetadataKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupMemberMetadataValue(Message):
    class Endpoint(Struct):
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class KeyValue(Struct):
        key: str
        value: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    topology_epoch: int
    process_id: str
    user_endpoint: StreamsGroupMemberMetadataValue.Endpoint | None
    client_tags: list[StreamsGroupMemberMetadataValue.KeyValue]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        instance_id: str | None = '',
        rack_id: str | None = '',
        client_id: str = '',
        client_host: str = '',
        rebalance_timeout_ms: int = -1,
        topology_epoch: int = 0,
        process_id: str = '',
        user_endpoint: StreamsGroupMemberMetadataValue.Endpoint | None = None,
        client_tags: list[StreamsGroupMemberMetadataValue.KeyValue] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupMetadataValue(Message):
    class LastAssignmentConfig(Struct):
        key: str
        value: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    epoch: int
    metadata_hash: int
    validated_topology_epoch: int
    last_assignment_configs: list[StreamsGroupMetadataValue.LastAssignmentConfig] | None
    stored_description_topology_epoch: int
    failed_description_topology_epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        epoch: int = 0,
        metadata_hash: int = 0,
        validated_topology_epoch: int = -1,
        last_assignment_configs: list[StreamsGroupMetadataValue.LastAssignmentConfig] | None = ...,
        stored_description_topology_epoch: int = -1,
        failed_description_topology_epoch: int = -1,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTargetAssignmentMemberKey(Message):
    group_id: str
    member_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTargetAssignmentMemberValue(Message):
    class TaskIds(Struct):
        subtopology_id: str
        partitions: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            partitions: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    active_tasks: list[StreamsGroupTargetAssignmentMemberValue.TaskIds]
    standby_tasks: list[StreamsGroupTargetAssignmentMemberValue.TaskIds]
    warmup_tasks: list[StreamsGroupTargetAssignmentMemberValue.TaskIds]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        active_tasks: list[StreamsGroupTargetAssignmentMemberValue.TaskIds] = ...,
        standby_tasks: list[StreamsGroupTargetAssignmentMemberValue.TaskIds] = ...,
        warmup_tasks: list[StreamsGroupTargetAssignmentMemberValue.TaskIds] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTargetAssignmentMetadataKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTargetAssignmentMetadataValue(Message):
    assignment_epoch: int
    assignment_timestamp: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        assignment_epoch: int = 0,
        assignment_timestamp: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTopologyDescriptionUpdateRequest(Message):
    class TopologyDescriptionNode(Struct):
        name: str
        node_type: int
        source_topics: list[str]
        sink_topic: str | None
        stores: list[str]
        successors: list[str]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            node_type: int = 0,
            source_topics: list[str] = ...,
            sink_topic: str | None = None,
            stores: list[str] = ...,
            successors: list[str] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescriptionSubtopology(Struct):
        subtopology_id: str
        nodes: list[StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionNode]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            nodes: list[StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionNode] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescriptionGlobalStore(Struct):
        source: StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionNode
        processor: StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionNode
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            source: StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionNode = ...,
            processor: StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionNode = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopologyDescription(Struct):
        subtopologies: list[StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionSubtopology]
        global_stores: list[StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionGlobalStore]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopologies: list[StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionSubtopology] = ...,
            global_stores: list[StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescriptionGlobalStore] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    member_id: str
    topology_epoch: int
    topology_description: StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescription
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        member_id: str = '',
        topology_epoch: int = 0,
        topology_description: StreamsGroupTopologyDescriptionUpdateRequest.TopologyDescription = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTopologyDescriptionUpdateResponse(Message):
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = None,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTopologyKey(Message):
    group_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class StreamsGroupTopologyValue(Message):
    class TopicConfig(Struct):
        key: str
        value: str
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            key: str = '',
            value: str = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TopicInfo(Struct):
        name: str
        partitions: int
        replication_factor: int
        topic_configs: list[StreamsGroupTopologyValue.TopicConfig]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: int = 0,
            replication_factor: int = 0,
            topic_configs: list[StreamsGroupTopologyValue.TopicConfig] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class CopartitionGroup(Struct):
        source_topics: list[int]
        source_topic_regex: list[int]
        repartition_source_topics: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            source_topics: list[int] = ...,
            source_topic_regex: list[int] = ...,
            repartition_source_topics: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Subtopology(Struct):
        subtopology_id: str
        source_topics: list[str]
        source_topic_regex: list[str]
        state_changelog_topics: list[StreamsGroupTopologyValue.TopicInfo]
        repartition_sink_topics: list[str]
        repartition_source_topics: list[StreamsGroupTopologyValue.TopicInfo]
        copartition_groups: list[StreamsGroupTopologyValue.CopartitionGroup]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            subtopology_id: str = '',
            source_topics: list[str] = ...,
            source_topic_regex: list[str] = ...,
            state_changelog_topics: list[StreamsGroupTopologyValue.TopicInfo] = ...,
            repartition_sink_topics: list[str] = ...,
            repartition_source_topics: list[StreamsGroupTopologyValue.TopicInfo] = ...,
            copartition_groups: list[StreamsGroupTopologyValue.CopartitionGroup] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    epoch: int
    subtopologies: list[StreamsGroupTopologyValue.Subtopology]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        epoch: int = 0,
        subtopologies: list[StreamsGroupTopologyValue.Subtopology] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SyncGroupRequest(Message):
    class SyncGroupRequestAssignment(Struct):
        member_id: str
        assignment: bytes
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            member_id: str = '',
            assignment: bytes = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None
    protocol_type: str | None
    protocol_name: str | None
    assignments: list[SyncGroupRequest.SyncGroupRequestAssignment]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        generation_id: int = 0,
        member_id: str = '',
        group_instance_id: str | None = None,
        protocol_type: str | None = None,
        protocol_name: str | None = None,
        assignments: list[SyncGroupRequest.SyncGroupRequestAssignment] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class SyncGroupResponse(Message):
    throttle_time_ms: int
    error_code: int
    protocol_type: str | None
    protocol_name: str | None
    assignment: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        protocol_type: str | None = None,
        protocol_name: str | None = None,
        assignment: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class TopicRecord(Message):
    name: str
    topic_id: bytes
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        name: str = '',
        topic_id: bytes = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class TransactionLogKey(Message):
    transactional_id: str
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_id: str = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class TransactionLogValue(Message):
    class PartitionsSchema(Struct):
        topic: str
        partition_ids: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic: str = '',
            partition_ids: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    producer_id: int
    previous_producer_id: int
    next_producer_id: int
    producer_epoch: int
    next_producer_epoch: int
    transaction_timeout_ms: int
    transaction_status: int
    transaction_partitions: list[TransactionLogValue.PartitionsSchema] | None
    transaction_last_update_timestamp_ms: int
    transaction_start_timestamp_ms: int
    client_transaction_version: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        producer_id: int = 0,
        previous_producer_id: int = -1,
        next_producer_id: int = -1,
        producer_epoch: int = 0,
        next_producer_epoch: int = -1,
        transaction_timeout_ms: int = 0,
        transaction_status: int = 0,
        transaction_partitions: list[TransactionLogValue.PartitionsSchema] | None = ...,
        transaction_last_update_timestamp_ms: int = 0,
        transaction_start_timestamp_ms: int = 0,
        client_transaction_version: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class TxnOffsetCommitRequest(Message):
    class TxnOffsetCommitRequestPartition(Struct):
        partition_index: int
        committed_offset: int
        committed_leader_epoch: int
        committed_metadata: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            committed_offset: int = 0,
            committed_leader_epoch: int = -1,
            committed_metadata: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TxnOffsetCommitRequestTopic(Struct):
        name: str
        topic_id: bytes
        partitions: list[TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partitions: list[TxnOffsetCommitRequest.TxnOffsetCommitRequestPartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    transactional_id: str
    group_id: str
    producer_id: int
    producer_epoch: int
    generation_id_or_member_epoch: int
    member_id: str
    group_instance_id: str | None
    topics: list[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        transactional_id: str = '',
        group_id: str = '',
        producer_id: int = 0,
        producer_epoch: int = 0,
        generation_id_or_member_epoch: int = -1,
        member_id: str = '',
        group_instance_id: str | None = None,
        topics: list[TxnOffsetCommitRequest.TxnOffsetCommitRequestTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class TxnOffsetCommitResponse(Message):
    class TxnOffsetCommitResponsePartition(Struct):
        partition_index: int
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class TxnOffsetCommitResponseTopic(Struct):
        name: str
        topic_id: bytes
        partitions: list[TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            topic_id: bytes = ...,
            partitions: list[TxnOffsetCommitResponse.TxnOffsetCommitResponsePartition] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    topics: list[TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        topics: list[TxnOffsetCommitResponse.TxnOffsetCommitResponseTopic] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnfenceBrokerRecord(Message):
    id: int
    epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        id: int = 0,
        epoch: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnregisterBrokerRecord(Message):
    broker_id: int
    broker_epoch: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        broker_id: int = 0,
        broker_epoch: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnregisterBrokerRequest(Message):
    broker_id: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        broker_id: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnregisterBrokerResponse(Message):
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnregisterControllerRecord(Message):
    controller_id: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        controller_id: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnregisterControllerRequest(Message):
    controller_id: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        controller_id: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UnregisterControllerResponse(Message):
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UpdateFeaturesRequest(Message):
    class FeatureUpdateKey(Struct):
        feature: str
        max_version_level: int
        allow_downgrade: bool
        upgrade_type: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            feature: str = '',
            max_version_level: int = 0,
            allow_downgrade: bool = False,
            upgrade_type: int = 1,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    timeout_ms: int
    feature_updates: list[UpdateFeaturesRequest.FeatureUpdateKey]
    validate_only: bool
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        timeout_ms: int = 60000,
        feature_updates: list[UpdateFeaturesRequest.FeatureUpdateKey] = ...,
        validate_only: bool = False,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UpdateFeaturesResponse(Message):
    class UpdatableFeatureResult(Struct):
        feature: str
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            feature: str = '',
            error_code: int = 0,
            error_message: str | None = '',
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    throttle_time_ms: int
    error_code: int
    error_message: str | None
    results: list[UpdateFeaturesResponse.UpdatableFeatureResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        throttle_time_ms: int = 0,
        error_code: int = 0,
        error_message: str | None = '',
        results: list[UpdateFeaturesResponse.UpdatableFeatureResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class UserScramCredentialRecord(Message):
    name: str
    mechanism: int
    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        name: str = '',
        mechanism: int = 0,
        salt: bytes = ...,
        stored_key: bytes = ...,
        server_key: bytes = ...,
        iterations: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class VotersRecord(Message):
    class Endpoint(Struct):
        name: str
        host: str
        port: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            host: str = '',
            port: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class KRaftVersionFeature(Struct):
        min_supported_version: int
        max_supported_version: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            min_supported_version: int = 0,
            max_supported_version: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class Voter(Struct):
        voter_id: int
        voter_directory_id: bytes
        endpoints: list[VotersRecord.Endpoint]
        kraft_version_feature: VotersRecord.KRaftVersionFeature
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            voter_id: int = 0,
            voter_directory_id: bytes = ...,
            endpoints: list[VotersRecord.Endpoint] = ...,
            kraft_version_feature: VotersRecord.KRaftVersionFeature = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    version: int
    voters: list[VotersRecord.Voter]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        version: int = 0,
        voters: list[VotersRecord.Voter] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class WriteShareGroupStateRequest(Message):
    class StateBatch(Struct):
        first_offset: int
        last_offset: int
        delivery_state: int
        delivery_count: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            first_offset: int = 0,
            last_offset: int = 0,
            delivery_state: int = 0,
            delivery_count: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class PartitionData(Struct):
        partition: int
        state_epoch: int
        leader_epoch: int
        start_offset: int
        delivery_complete_count: int
        state_batches: list[WriteShareGroupStateRequest.StateBatch]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            state_epoch: int = 0,
            leader_epoch: int = 0,
            start_offset: int = 0,
            delivery_complete_count: int = -1,
            state_batches: list[WriteShareGroupStateRequest.StateBatch] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class WriteStateData(Struct):
        topic_id: bytes
        partitions: list[WriteShareGroupStateRequest.PartitionData]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[WriteShareGroupStateRequest.PartitionData] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    group_id: str
    topics: list[WriteShareGroupStateRequest.WriteStateData]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        group_id: str = '',
        topics: list[WriteShareGroupStateRequest.WriteStateData] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class WriteShareGroupStateResponse(Message):
    class PartitionResult(Struct):
        partition: int
        error_code: int
        error_message: str | None
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition: int = 0,
            error_code: int = 0,
            error_message: str | None = None,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class WriteStateResult(Struct):
        topic_id: bytes
        partitions: list[WriteShareGroupStateResponse.PartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            topic_id: bytes = ...,
            partitions: list[WriteShareGroupStateResponse.PartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    results: list[WriteShareGroupStateResponse.WriteStateResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        results: list[WriteShareGroupStateResponse.WriteStateResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class WriteTxnMarkersRequest(Message):
    class WritableTxnMarkerTopic(Struct):
        name: str
        partition_indexes: list[int]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partition_indexes: list[int] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class WritableTxnMarker(Struct):
        producer_id: int
        producer_epoch: int
        transaction_result: bool
        topics: list[WriteTxnMarkersRequest.WritableTxnMarkerTopic]
        coordinator_epoch: int
        transaction_version: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            producer_id: int = 0,
            producer_epoch: int = 0,
            transaction_result: bool = False,
            topics: list[WriteTxnMarkersRequest.WritableTxnMarkerTopic] = ...,
            coordinator_epoch: int = 0,
            transaction_version: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    markers: list[WriteTxnMarkersRequest.WritableTxnMarker]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        markers: list[WriteTxnMarkersRequest.WritableTxnMarker] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class WriteTxnMarkersResponse(Message):
    class WritableTxnMarkerPartitionResult(Struct):
        partition_index: int
        error_code: int
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            partition_index: int = 0,
            error_code: int = 0,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class WritableTxnMarkerTopicResult(Struct):
        name: str
        partitions: list[WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            name: str = '',
            partitions: list[WriteTxnMarkersResponse.WritableTxnMarkerPartitionResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    class WritableTxnMarkerResult(Struct):
        producer_id: int
        topics: list[WriteTxnMarkersResponse.WritableTxnMarkerTopicResult]
        unknown_tagged_fields: dict[int, bytes] | None
        def __init__(
            self,
            *,
            producer_id: int = 0,
            topics: list[WriteTxnMarkersResponse.WritableTxnMarkerTopicResult] = ...,
            unknown_tagged_fields: dict[int, bytes] | None = None,
        ) -> None: ...
    markers: list[WriteTxnMarkersResponse.WritableTxnMarkerResult]
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        markers: list[WriteTxnMarkersResponse.WritableTxnMarkerResult] = ...,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...

class ZkMigrationStateRecord(Message):
    zk_migration_state: int
    unknown_tagged_fields: dict[int, bytes] | None
    def __init__(
        self,
        *,
        zk_migration_state: int = 0,
        unknown_tagged_fields: dict[int, bytes] | None = None,
    ) -> None: ...
