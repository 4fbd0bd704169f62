"""The metadata log's own small files."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pybroker.core.cluster import METADATA_TOPIC, METADATA_TOPIC_ID
from pybroker.core.settings import Settings
from pybroker.runtime.metadata_log import open_metadata_log
from pybroker.storage.files import Files
from pybroker.storage.interface import LogConfig
from pybroker.storage.metadata_files import read_partition_metadata
from pybroker.storage.store import DiskLogStore


@pytest.mark.parametrize("content", [b"hello", None])
def test_the_id_beside_the_metadata(tmp_path: Path, content: bytes | None) -> None:
    """A partition.metadata that is damaged or gone is written anew when the log is opened, as it is for any other log."""
    file = tmp_path / f"{METADATA_TOPIC}-0" / "partition.metadata"
    for lose_it in (True, False):
        store = DiskLogStore.open([str(tmp_path)], cluster_id="c", node_id=1, rng=Random(1), config=LogConfig())
        metadata = open_metadata_log(store, Settings({}), durable=False)
        metadata.begin_epoch(1, 1000)
        assert read_partition_metadata(Files(), str(file.parent)) == METADATA_TOPIC_ID
        store.close({})
        if lose_it and content is None:
            file.unlink()
        elif lose_it and content is not None:
            file.write_bytes(content)
