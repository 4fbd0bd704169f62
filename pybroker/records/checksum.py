"""CRC-32C of magic 2 and CRC-32 of the magics before it.

`crc32c` takes any contiguous buffer, a memoryview too, without copying it; a second argument continues an earlier value.

The extension module of the package `crc32c` is loaded by itself: the package around it reads its own metadata while it is imported, which
costs a starting broker more than all of this room (17 ms against 62). Where that module is not to be had, crcmod computes the same
(its own extension if it was built, else Python: slow, and right).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import cast
from zlib import crc32 as _zlib_crc32

from pybroker.wire.buffers import Buffer

__all__ = ["crc32", "crc32c", "crc32c_fallback"]

Checksum = Callable[..., int]


def _load_extension() -> ModuleType | None:
    """Load `crc32c._crc32c` without running `crc32c/__init__.py`; None if it is not installed as we know it."""
    package = find_spec("crc32c")
    if package is None or package.submodule_search_locations is None:
        return None
    spec = PathFinder.find_spec("crc32c._crc32c", package.submodule_search_locations)
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def crc32c_fallback() -> Checksum:
    """Return crcmod's CRC-32C."""
    from crcmod.predefined import mkPredefinedCrcFun

    return cast(Checksum, mkPredefinedCrcFun("crc-32c"))


def _choose() -> Checksum:
    extension = _load_extension()
    if extension is not None and hasattr(extension, "crc32c"):
        return cast(Checksum, extension.crc32c)
    try:
        from crc32c import crc32c as of_package
    except ImportError:
        return crc32c_fallback()
    return cast(Checksum, of_package)


crc32c: Checksum = _choose()
"""crc32c(data, value=0): the CRC-32C (Castagnoli) of a buffer, 0 to 2^32-1. The C function itself: a wrapper costs as much again."""


def crc32(data: Buffer, value: int = 0) -> int:
    """Return the CRC-32 (IEEE) of `data`, which messages of magic 0 and 1 carry."""
    return _zlib_crc32(data, value)
