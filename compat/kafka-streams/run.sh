#!/usr/bin/env bash
# Kafka Streams: a word count of ours, exactly once, against kafka-streams from Maven Central.
. "$(dirname "$0")/../common/lib.sh"
version=4.3.1
need javac
need mvn
echo "version $version"
libs=$cache/libs-$version
maven_libs "$libs" org.apache.kafka:kafka-streams:$version org.slf4j:slf4j-nop:1.7.36 || not_run "could not fetch kafka-streams $version"
classes=$cache/classes
if [ ! -f "$classes/Checks.class" ] || [ -n "$(find "$here" -name "*.java" -newer "$classes/Checks.class")" ]; then
  mkdir -p "$classes"
  javac -nowarn -cp "$libs/*" -d "$classes" "$here"/*.java || { echo "FAIL compiles"; exit 1; }
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/compat-streams-XXXXXX") # state stores, brokers' data, RocksDB's library
trap 'rm -rf "$scratch"' EXIT
java -Djava.io.tmpdir="$scratch" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -cp "$classes:$libs/*" Checks "$BOOTSTRAP" ${CHECKS:-}
