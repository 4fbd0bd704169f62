#!/usr/bin/env bash
# The Java client: a program of ours compiled against kafka-clients from Maven Central.
. "$(dirname "$0")/../common/lib.sh"
version=4.4.0
need javac
need mvn
echo "version $version"
libs=$cache/libs-$version
maven_libs "$libs" org.apache.kafka:kafka-clients:$version org.slf4j:slf4j-nop:1.7.36 || not_run "could not fetch kafka-clients $version"
classes=$cache/classes
if [ ! -f "$classes/Check.class" ] || [ -n "$(find "$here" -name "*.java" -newer "$classes/Check.class")" ]; then
  mkdir -p "$classes"
  javac -Xlint:-deprecation -nowarn -cp "$libs/*" -d "$classes" "$here/Check.java" "$here/Scenarios.java" || { echo "FAIL compiles"; exit 1; }
fi
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx512m -cp "$classes:$libs/*" Check "$BOOTSTRAP" ${CHECKS:-}
