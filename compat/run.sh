#!/usr/bin/env bash
# Runs client suites against a fresh broker each and writes the report card, compat/README.md.
#
#   compat/run.sh [NAME...]                     all suites, or these
#   BOOTSTRAP=host:port compat/run.sh [NAME...] against a broker that is already up (say, Apache Kafka); the report card stays as it is
#   CHECKS="name name" compat/run.sh NAME       only these checks of the suite
#   COMPAT_STORE=disk                           the broker keeps its data in a directory instead of in memory
#   PYTHON=...                                  the interpreter that has pybroker's dependencies
#
# The exit status is 1 when a name in a tests.allow did not pass.
set -u
compat=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$compat")
results=$compat/.cache/results
mkdir -p "$results"
if [ -z "${PYTHON:-}" ]; then
  PYTHON=$root/.venv/bin/python
  [ -x "$PYTHON" ] || PYTHON=python3
fi

start_broker() { # start_broker NAME: sets broker and BOOTSTRAP
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/compat-$1-XXXXXX")
  local store=(--memory)
  [ "${COMPAT_STORE:-memory}" = disk ] && store=(--data-dir "$scratch/data")
  local settings=(--set group.initial.rebalance.delay.ms=0 --set num.partitions=4)
  [ -f "$compat/$1/broker.args" ] && read -ra extra <"$compat/$1/broker.args" && settings+=("${extra[@]}")
  (cd "$root" && exec "$PYTHON" -m pybroker --listen 127.0.0.1:0 "${store[@]}" "${settings[@]}" --ready-file "$scratch/ready") \
    >"$results/$1.broker.log" 2>&1 &
  broker=$!
  for _ in $(seq 200); do
    [ -s "$scratch/ready" ] && break
    kill -0 "$broker" 2>/dev/null || break
    sleep 0.05
  done
  BOOTSTRAP=$(head -n 1 "$scratch/ready" 2>/dev/null)
  export BOOTSTRAP BROKER_PYTHON=$PYTHON BROKER_ROOT=$root # for a suite that restarts a broker of its own
}

stop_broker() {
  kill "$broker" 2>/dev/null
  wait "$broker" 2>/dev/null
  rm -rf "$scratch"
}

suites=("$@")
if [ ${#suites[@]} -eq 0 ]; then
  suites=()
  for script in "$compat"/*/run.sh; do suites+=("$(basename "$(dirname "$script")")"); done
fi

given=${BOOTSTRAP:-}
for suite in "${suites[@]}"; do
  [ -x "$compat/$suite/run.sh" ] || { echo "no suite $suite" >&2; exit 2; }
  echo "== $suite"
  if [ -n "$given" ]; then
    "$compat/$suite/run.sh" 2>"$results/$suite.err" | tee "$results/$suite.given"
    continue
  fi
  start_broker "$suite"
  if [ -z "$BOOTSTRAP" ]; then
    echo "FAIL broker-starts see $results/$suite.broker.log" | tee "$results/$suite.txt"
  else
    "$compat/$suite/run.sh" 2>"$results/$suite.err" | tee "$results/$suite.txt"
    kill -0 "$broker" 2>/dev/null || echo "FAIL broker-survives see $results/$suite.broker.log" | tee -a "$results/$suite.txt"
  fi
  stop_broker
done
[ -n "$given" ] && exit 0
partial=()
[ -n "${CHECKS:-}" ] && partial=(--partial)
exec python3 "$compat/common/report.py" "$compat" ${partial[@]+"${partial[@]}"} "${suites[@]}"
