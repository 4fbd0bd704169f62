#!/usr/bin/env bash
# franz-go: a program of ours built with pinned modules.
. "$(dirname "$0")/../common/lib.sh"
need go
echo "version $(sed -n 's/^\s*github.com\/twmb\/franz-go v\(\S*\).*/\1/p' "$here/go.mod")"
(cd "$here" && GOFLAGS=-mod=readonly go build -o "$cache/check" .) >"$cache/build.log" 2>&1 || not_run "could not build: $(tail -n 1 "$cache/build.log")"
exec "$cache/check" "$BOOTSTRAP" ${CHECKS:-}
