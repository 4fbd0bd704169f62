"""Addresses to listen on, in words of the command line and of `listeners`."""

from __future__ import annotations

import errno
import socket
from typing import NamedTuple

BACKLOG = 4096


class ListenError(Exception):
    """The address cannot be listened on. The message says why and what to do."""


class Address(NamedTuple):
    """Host and port; an empty host stands for every interface, port 0 for any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`host:port`, `[v6]:port`, `:port` or `port`. ValueError says what is wrong."""
    host, _, port_text = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: write an IPv6 address in brackets, as in [::1]:9092")
    if not port_text.isascii() or not port_text.isdigit() or int(port_text) > 65_535:
        raise ValueError(f"{text!r} is not host:port with a port from 0 to 65535")
    return Address(host, int(port_text))


def bind(address: Address) -> socket.socket:
    """A non-blocking listening socket. Raises ListenError."""
    last: OSError | None = None
    for family, bindable in _candidates(address):
        try:
            return _bind_one(family, bindable)
        except OSError as error:
            last = error
    raise ListenError(_why(address, last)) from last


def _candidates(address: Address) -> list[tuple[int, tuple[object, ...]]]:
    if not address.host:
        # One IPv6 socket that takes IPv4 as well, where the machine has IPv6.
        return [(socket.AF_INET6, ("::", address.port)), (socket.AF_INET, ("0.0.0.0", address.port))]  # noqa: S104 - an empty host asks for it
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise ListenError(f"cannot listen on {address}: the host name is unknown ({error})") from error
    # Clients of Kafka try the first address of a name, and for localhost that is mostly IPv4.
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    return [(entry[0], entry[4]) for entry in found]


def _bind_one(family: int, bindable: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bindable[0] != "::"))
        listener.bind(bindable)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _why(address: Address, error: OSError | None) -> str:
    if error is not None and error.errno == errno.EADDRINUSE:
        return f"port {address.port} is in use by another program: stop it, or choose another port (0 picks a free one)"
    if error is not None and error.errno == errno.EACCES:
        return f"cannot listen on {address}: ports below 1024 need a privilege; choose a higher one"
    if error is not None and error.errno == errno.EADDRNOTAVAIL:
        return f"cannot listen on {address}: this machine has no such address"
    return f"cannot listen on {address}: {error}"


def shown_host(host: str) -> str:
    """An IPv4 client of an IPv6 socket is shown, and answered, with its IPv4 address."""
    return host.removeprefix("::ffff:") if "." in host else host
