"""Every handler module: importing this fills the registry."""

from __future__ import annotations

from pybroker.handlers import api_versions, cluster, configs, metadata, topics

__all__ = ["api_versions", "cluster", "configs", "metadata", "topics"]
