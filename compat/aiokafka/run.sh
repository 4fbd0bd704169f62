#!/usr/bin/env bash
. "$(dirname "$0")/../common/lib.sh"
python_client aiokafka==0.14.0 lz4==4.4.5 zstandard==0.25.0 cramjam==2.14.0
