#!/usr/bin/env bash
# Apache Kafka itself: brokers take turns on one directory, and Kafka's tools read what pybroker writes there.
#   CHECKS="kafka-stops two-directories" compat/run.sh apache-kafka    these stories
#   CHECKS=releases compat/run.sh apache-kafka                         the newest of each older 4.x, which no run without a name tells
#   CHECKS="kafka-4.0.0-* kafka-4.1.2-stops" compat/run.sh apache-kafka  these releases
# A name is that of a whole story, or has * in it, which stands for anything.
. "$(dirname "$0")/../common/lib.sh"
version=4.4.0
releases="4.0.2 4.1.2 4.2.1 4.3.1"
tools_version=4.3.1 # the newest on Maven Central, as of kafka-tools-api, without which the server of 4.4.0 runs
need javac
need mvn
[ -n "${BROKER_PYTHON:-}" ] || not_run "the broker is not ours to stop"
echo "version $version"

server() { # server RELEASE: fetches it
  EXCLUDE=$([ "$1" = "$version" ] && echo org.apache.kafka:kafka-tools-api) \
    maven_libs "$cache/server-$1" "org.apache.kafka:kafka_2.13:$1" org.slf4j:slf4j-simple:1.7.36 || not_run "could not fetch the server of Kafka $1"
}
server "$version"
older=
wanted=
set -f # a * in a name is not for the shell
for word in ${CHECKS:-}; do
  case $word in
    releases) for one in $releases; do older="$older $one" wanted="$wanted kafka-$one-*"; done ;;
    kafka-[0-9]*) one=${word#kafka-} older="$older ${one%%-*}" wanted="$wanted $word" ;;
    *) wanted="$wanted $word" ;;
  esac
done
set +f
[ -z "$wanted" ] || echo "asked$wanted"
for one in $older; do server "$one"; done
libs=$cache/server-$version
tools=$cache/tools-$tools_version
maven_libs "$tools" org.apache.kafka:kafka-tools:$tools_version org.slf4j:slf4j-nop:1.7.36 || not_run "could not fetch kafka-tools $tools_version"
classes=$cache/classes
if [ ! -f "$classes/Checks.class" ] || [ -n "$(find "$here" -name "*.java" -newer "$classes/Checks.class")" ]; then
  mkdir -p "$classes"
  javac -Xlint:-deprecation,-removal -nowarn -cp "$libs/*" -d "$classes" "$here"/*.java || { echo "FAIL compiles"; exit 1; }
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/compat-kafka-XXXXXX") # data directories: 300 MB
[ -n "${KEEP:-}" ] && echo "kept in $scratch" >&2 || trap 'rm -rf "$scratch"' EXIT
set -f
java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -Djava.io.tmpdir="$scratch" -Dkafka.libs="$cache/server-" -Dnewest="$version" \
  -Dreleases="$(printf '%s\n' $older | sort -u | xargs)" -Dtools.libs="$tools" \
  -Dorg.slf4j.simpleLogger.defaultLogLevel=off -cp "$classes:$libs/*" Checks "$scratch" $wanted
