#!/usr/bin/env bash
. "$(dirname "$0")/../common/lib.sh"
python_client confluent-kafka==2.16.1
