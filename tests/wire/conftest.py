"""Golden lines of Kafka 4.4.0, grouped by message and parsed when a test asks for them."""

import gzip
import json
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

FILES = ("requests", "responses", "headers", "data", "coordinator_records", "metadata_records")


@lru_cache(maxsize=1)
def _texts_by_message() -> dict[str, list[bytes]]:
    folder = Path(__file__).parent.parent / "vectors"
    texts: dict[str, list[bytes]] = defaultdict(list)
    for name in FILES:
        for text in gzip.decompress((folder / f"{name}.jsonl.gz").read_bytes()).splitlines():
            texts[text.split(b'"', 4)[3].decode()].append(text)
    return texts


@pytest.fixture
def golden_lines() -> Callable[[str], list[dict]]:
    """All lines of one message by its name; an empty list for a message that no file has."""
    return lambda name: [json.loads(text) for text in _texts_by_message().get(name, [])]


@pytest.fixture
def golden_counts() -> dict[str, int]:
    """How many lines each message has."""
    return {name: len(texts) for name, texts in _texts_by_message().items()}
