"""The byte-like types that pass through the broker (`collections.abc.Buffer` needs Python 3.12)."""

from __future__ import annotations

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
