#!/usr/bin/env bash
. "$(dirname "$0")/../common/lib.sh"
python_client kafka-python==3.0.12 lz4==4.4.5 zstandard==0.25.0 python-snappy==0.7.3 crc32c==2.9.post0
