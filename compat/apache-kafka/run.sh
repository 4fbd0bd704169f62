#!/usr/bin/env bash
# Apache Kafka itself: brokers take turns on one directory, and Kafka's tools read what pybroker writes there.
. "$(dirname "$0")/../common/lib.sh"
version=4.4.0
tools_version=4.3.1 # the newest on Maven Central, as of kafka-tools-api, without which the server runs
need javac
need mvn
[ -n "${BROKER_PYTHON:-}" ] || not_run "the broker is not ours to stop"
echo "version $version"
libs=$cache/server-$version
EXCLUDE=org.apache.kafka:kafka-tools-api maven_libs "$libs" org.apache.kafka:kafka_2.13:$version org.slf4j:slf4j-simple:1.7.36 ||
  not_run "could not fetch the server of Kafka $version"
tools=$cache/tools-$tools_version
maven_libs "$tools" org.apache.kafka:kafka-tools:$tools_version org.slf4j:slf4j-nop:1.7.36 || not_run "could not fetch kafka-tools $tools_version"
classes=$cache/classes
if [ ! -f "$classes/Checks.class" ] || [ -n "$(find "$here" -name "*.java" -newer "$classes/Checks.class")" ]; then
  mkdir -p "$classes"
  javac -Xlint:-deprecation,-removal -nowarn -cp "$libs/*" -d "$classes" "$here"/*.java || { echo "FAIL compiles"; exit 1; }
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/compat-kafka-XXXXXX") # data directories: 300 MB
[ -n "${KEEP:-}" ] && echo "kept in $scratch" >&2 || trap 'rm -rf "$scratch"' EXIT
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -Djava.io.tmpdir="$scratch" -Dkafka.libs="$libs" -Dtools.libs="$tools" \
  -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$classes:$libs/*" Checks "$scratch" ${CHECKS:-}
