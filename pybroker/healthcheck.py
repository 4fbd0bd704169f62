"""Whether a Kafka broker answers at an address: for the health check of a container."""

from __future__ import annotations

import socket

from pybroker.server.addresses import Address, parse_address

# ApiVersions, version 0, correlation id 7, no client id: the first request that any Kafka broker answers.
_REQUEST = bytes.fromhex("0000000a 0012 0000 00000007 ffff")
_TIMEOUT_S = 5.0


def find_fault(text: str) -> str | None:
    """Ask the broker at `host:port` for its versions; returns what is wrong, or None if it answers."""
    try:
        address = parse_address(text)
        answer = _ask(address)
    except (OSError, ValueError) as error:
        return f"no broker answers at {text}: {error}"
    return None if answer[4:8] == _REQUEST[8:12] else f"what answers at {address} is no Kafka broker"


def _ask(address: Address) -> bytes:
    with socket.create_connection((address.host or "localhost", address.port), _TIMEOUT_S) as connection:
        connection.sendall(_REQUEST)
        answer = b""
        while len(answer) < 8 and (data := connection.recv(8 - len(answer))):
            answer += data
        return answer
