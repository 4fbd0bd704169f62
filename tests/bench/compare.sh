#!/usr/bin/env bash
# Runs kbench against several brokers in turn, again and again, and puts the medians side by side.
#
#   KBENCH=path/to/kbench BROKERS="mine kafka" mine='python -m pybroker --listen 127.0.0.1:{port} --data-dir {dir}' kafka='...' tests/bench/compare.sh
#
# Each name in BROKERS is a variable with a command; {port} and {dir} are filled in. Brokers take turns, so that what else the machine does
# falls on all of them. ROUNDS (3), ONLY (workloads, comma-separated), QUICK=1, OUT (where the results go), START_LIMIT_S (60).
# NAME_warm=1: the broker is run through once, untimed, in each start (a JVM); without it the first minute is what is measured.
set -eu
: "${KBENCH:?path of the kbench binary}" "${BROKERS:?names of variables that hold the commands of brokers}"
rounds=${ROUNDS:-3}
out=${OUT:-$(mktemp -d "${TMPDIR:-/tmp}/compare-XXXXXX")}
mkdir -p "$out"
options=()
[ -n "${ONLY:-}" ] && options+=(-only "$ONLY")
[ -n "${QUICK:-}" ] && options+=(-quick)
broker=

stop() {
  if [ -n "$broker" ]; then
    kill "$broker" 2>/dev/null || true
    wait "$broker" 2>/dev/null || true
  fi
  broker=
}
trap stop EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() { # start COMMAND LOG: sets broker and port
  port=$(free_port)
  data=$(mktemp -d "${TMPDIR:-/tmp}/compare-data-XXXXXX")
  local command=${1//\{port\}/$port}
  command=${command//\{dir\}/$data}
  bash -c "exec $command" >"$2" 2>&1 &
  broker=$!
  local tries=$((${START_LIMIT_S:-60} * 10))
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    tries=$((tries - 1))
    if [ "$tries" = 0 ] || ! kill -0 "$broker" 2>/dev/null; then
      echo "did not start: $command (see $2)" >&2
      exit 1
    fi
    sleep 0.1
  done
}

for round in $(seq "$rounds"); do
  for name in $BROKERS; do
    warm=${name}_warm
    start "${!name}" "$out/$name-$round.log"
    if [ -n "${!warm:-}" ]; then
      "$KBENCH" -brokers "127.0.0.1:$port" ${options[@]+"${options[@]}"} >"$out/$name-$round.warm-up" || true
    fi
    echo "== round $round: $name"
    "$KBENCH" -brokers "127.0.0.1:$port" -pid "$broker" -label "$name" -json "$out/$name-$round.json" ${options[@]+"${options[@]}"} || true
    stop
    rm -rf "$data"
  done
done
"$KBENCH" compare $(for name in $BROKERS; do ls "$out/$name"-*.json; done) | tee "$out/comparison.txt"
echo "results are in $out"
