#!/usr/bin/env bash
# librdkafka's own test runner, built from the sources inside Confluent's npm package (minutes, once). TESTS=0012 runs one;
# PROTO=consumer runs the group tests over KIP-848. Tests of TLS, SASL or a mock are left out by the runner, and by this script: what asks
# Kafka's shell scripts for a topic or an ACL (0052 0077 0109 0115 0119), what wants three brokers (0103), and share groups.
. "$(dirname "$0")/../common/lib.sh"
package=@confluentinc/kafka-javascript version=1.10.1
for tool in npm gcc g++ make python3; do need $tool; done
source=$cache/source-$version
runner=$source/tests/test-runner
if [ ! -x "$runner" ]; then
  rm -rf "$source"
  mkdir -p "$source"
  (cd "$source" && npm pack --silent "$package@$version" && tar xzf ./*.tgz --strip-components 3 package/deps/librdkafka && rm -f ./*.tgz &&
    ./configure && make -j2 libs && make -j2 -C tests test-runner) >"$cache/build.log" 2>&1 || not_run "could not build, see $cache/build.log"
fi
echo "version $(sed -n 's/.*RD_KAFKA_VERSION *0x\(..\)\(..\)\(..\)ff.*/\1 \2 \3/p' "$source/src/rdkafka.h" | { read -r a b c; echo $((16#$a)).$((16#$b)).$((16#$c)); })"
left_out=0052,0077,0103,0109,0115,0119
for share in $(seq 170 186); do left_out+=,0$share; done
work=$cache/work
rm -rf "$work"
mkdir -p "$work"
printf 'metadata.broker.list=%s\nbroker.address.family=v4\n' "$BOOTSTRAP" >"$work/test.conf"
(cd "$source/tests" && RDKAFKA_TEST_CONF=$work/test.conf TEST_KAFKA_VERSION=4.2.0 TEST_CONSUMER_GROUP_PROTOCOL=${PROTO:-classic} TEST_LEVEL=1 BROKERS=$BOOTSTRAP \
  TESTS_SKIP=$left_out \
  TEST_REPORT=$work/report.json LD_LIBRARY_PATH=../src:../src-cpp timeout "${LIMIT:-900}" ./test-runner -L -E -Q -K -p"${PARALLEL:-5}") >"$work/log" 2>&1
exec python3 "$here/verdicts.py" "$work/log"
