"""Metadata that this broker does not act on but must not lose: it is carried from one snapshot to the next as the records that told it.

A directory that Kafka wrote may hold ACLs, quotas, credentials and tokens. A log keeps them by itself; a snapshot takes the log's place,
so it has to hold what still counts of them. Each of these records replaces an earlier one with the same key, or takes one away.

(Kafka: AclsImage, ClientQuotasImage, ScramImage, DelegationTokenImage, the controllers of ClusterImage.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Key = tuple[Any, ...]
KeyOf = Callable[[Any], Key]


def _acl(record: Any) -> Key:
    return "AccessControlEntryRecord", record.id


def _credential(record: Any) -> Key:
    return "UserScramCredentialRecord", record.name, record.mechanism


def _token(record: Any) -> Key:
    return "DelegationTokenRecord", record.token_id


def _controller(record: Any) -> Key:
    return "RegisterControllerRecord", record.controller_id


def _quota(record: Any) -> Key:
    """A quota that is removed is told by the same type of record: it stays as that, which says the same at the next replay."""
    return "ClientQuotaRecord", tuple((entity.entity_type, entity.entity_name) for entity in record.entity), record.key


KEEPS: dict[str, KeyOf] = {
    "RegisterControllerRecord": _controller,
    "ClientQuotaRecord": _quota,
    "AccessControlEntryRecord": _acl,
    "UserScramCredentialRecord": _credential,
    "DelegationTokenRecord": _token,
}
FORGETS: dict[str, KeyOf] = {
    "UnregisterControllerRecord": _controller,
    "RemoveAccessControlEntryRecord": _acl,
    "RemoveUserScramCredentialRecord": _credential,
    "RemoveDelegationTokenRecord": _token,
}
