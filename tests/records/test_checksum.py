"""The two checksums and where they come from."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from pybroker.records.checksum import crc32, crc32c, crc32c_fallback


def test_the_check_values_of_the_two_polynomials():
    """The nine digits give the values that both definitions publish."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32(b"123456789") == 0xCBF43926


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.binary(max_size=300), st.binary(max_size=50))
def test_extension_and_fallback_agree(data, more):
    """crcmod and the extension give the same, also when they continue, and for a slice of a memoryview."""
    fallback = crc32c_fallback()
    assert crc32c(data) == fallback(data)
    assert crc32c(more, crc32c(data)) == crc32c(data + more) == fallback(more, fallback(data))
    assert crc32c(memoryview(bytearray(b"x" + data))[1:]) == crc32c(data)


def test_starting_needs_no_codec_and_no_metadata():
    """Importing what a broker needs to take a batch loads no codec and does not read package metadata."""
    code = (
        "import sys; import pybroker.records.validate, pybroker.records.builder;"
        "print([m for m in ('importlib.metadata', 'lz4', 'snappy', 'zstandard', 'crcmod', 'trio', 'socket', 'random') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
