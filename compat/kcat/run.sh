#!/usr/bin/env bash
# kcat from the system's packages: what people type at a shell.
. "$(dirname "$0")/../common/lib.sh"
need kcat
echo "version $(kcat -V 2>&1 | sed -n 's/.*Version \([^ ]*\).*/\1/p')"
base=compat-kcat-$$-$RANDOM
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

k() { timeout 20 kcat -b "$BOOTSTRAP" "$@" 2>>"$work/errors"; }
wanted() { [ -z "${CHECKS:-}" ] || [[ " $CHECKS " == *" $1 "* ]]; }
same() { # same NAME GOT WANT
  wanted "$1" || return 0
  if [ "$2" = "$3" ]; then echo "PASS $1"; else echo "FAIL $1 got [${2:0:80}] instead of [${3:0:80}]"; fi
}

for codec in none gzip snappy lz4 zstd; do
  topic=$base-$codec
  seq 1 2000 >"$work/numbers"
  k -P -q -t "$topic" -p 1 -z "$codec" -l "$work/numbers"
  same "codec-$codec" "$(k -C -q -t "$topic" -p 1 -o beginning -e | md5sum)" "$(md5sum <"$work/numbers")"
done

topic=$base-plain
printf 'one|first\ntwo|\n|third\n' | k -P -q -t "$topic" -p 0 -K '|' -Z -H from=kcat -H 'empty='
same keys-nulls-and-headers "$(k -C -q -t "$topic" -p 0 -o beginning -e -Z -f '%k|%s|%h|%o\n')" \
  "$(printf 'one|first|from=kcat,empty=|0\ntwo|NULL|from=kcat,empty=|1\nNULL|third|from=kcat,empty=|2')"
same last-record "$(k -C -q -t "$topic" -p 0 -o -1 -e)" third
same from-an-offset "$(k -C -q -t "$topic" -p 0 -o 2 -e -f '%o')" 2
same counted "$(k -C -q -t "$topic" -p 0 -o beginning -c 2 -f '%o ')" "0 1 "
same offset-of-earliest "$(k -Q -q -t "$topic:0:-2")" "$topic [0] offset 0"
same offset-of-latest "$(k -Q -q -t "$topic:0:-1")" "$topic [0] offset 3"
same offset-by-time "$(k -Q -q -t "$topic:0:1")" "$topic [0] offset 0"
same offset-after-the-end "$(k -Q -q -t "$topic:0:99999999999999")" "$topic [0] offset -1"
same between-two-times "$(k -C -q -t "$topic" -p 0 -o s@1 -o e@1000 -e | wc -l | tr -d ' ')" 0

same metadata-names-the-topic "$(k -L -J -t "$topic" | python3 -c 'import json,sys; print(json.load(sys.stdin)["topics"][0]["topic"])')" "$topic"
same metadata-leads-all-partitions \
  "$(k -L -J -t "$topic" | python3 -c 'import json,sys; d=json.load(sys.stdin); print({p["leader"] for p in d["topics"][0]["partitions"]} == {b["id"] for b in d["brokers"]})')" True

topic=$base-group
seq 1 100 | k -P -q -t "$topic"
same group-reads-all "$(k -G "$base-g" -q -e -X auto.offset.reset=earliest "$topic" | sort -n | md5sum)" "$(seq 1 100 | md5sum)"
seq 101 105 | k -P -q -t "$topic"
same group-resumes "$(k -G "$base-g" -q -e -X auto.offset.reset=earliest "$topic" | sort -n | tr '\n' ' ')" "101 102 103 104 105 "
same group-cooperative "$(k -G "$base-n" -q -e -X auto.offset.reset=earliest -X partition.assignment.strategy=cooperative-sticky "$topic" | wc -l | tr -d ' ')" 105

topic=$base-txn
seq 1 5 | k -P -q -t "$topic" -p 0 -X transactional.id="$base-txn"
same transaction "$(k -C -q -t "$topic" -p 0 -o beginning -e -X isolation.level=read_committed | tr '\n' ' ')" "1 2 3 4 5 "
topic=$base-idempotent
seq 1 5000 >"$work/numbers"
k -P -q -t "$topic" -p 0 -X enable.idempotence=true -l "$work/numbers"
same idempotent "$(k -C -q -t "$topic" -p 0 -o beginning -e | md5sum)" "$(md5sum <"$work/numbers")"

topic=$base-acks
for acks in 0 1 all; do echo "$acks" | k -P -q -t "$topic" -p 0 -X acks="$acks"; done
same acks-0-1-all "$(k -C -q -t "$topic" -p 0 -o beginning -e | tr '\n' ' ')" "0 1 all "

head -c 700000 /dev/urandom | base64 -w0 >"$work/large"
k -P -q -t "$base-large" -p 0 "$work/large"
same a-large-record "$(k -C -q -t "$base-large" -p 0 -o beginning -e -f '%s' | md5sum)" "$(md5sum <"$work/large")"
head -c 1500000 /dev/urandom | base64 -w0 >"$work/huge"
k -P -q -t "$base-huge" -p 0 -X message.max.bytes=4000000 "$work/huge" && refusal=accepted || refusal=refused
same a-too-large-record-is-refused "$refusal" refused

topic=$base-tail
k -P -q -t "$topic" -p 0 <<<before
(timeout 10 kcat -b "$BOOTSTRAP" -C -q -u -t "$topic" -p 0 -o end -c 1 >"$work/tail" 2>/dev/null) & reader=$!
for _ in $(seq 50); do
  k -P -q -t "$topic" -p 0 <<<after
  kill -0 $reader 2>/dev/null || break
  sleep 0.1
done
wait $reader
same follows-the-end "$(cat "$work/tail")" after
