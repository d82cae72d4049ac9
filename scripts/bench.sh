#!/usr/bin/env bash
# Measures Arcus against named peers and writes docs/performance.md. Called by `make bench`; names of benches may be
# given: incus, burst, ec2, listing, serving, footprint.
set -euo pipefail
cd "$(dirname "$0")/.."

if (($# == 0)) || [[ " $* " == *" ec2 "* ]]; then
  scripts/lab.sh up libcloud
  eval "$(scripts/lab.sh env)"
fi
table=$(mktemp)
trap 'rm -f "$table"' EXIT
ARCUS_BENCH_OUT=$table cargo bench -p arcus --bench performance -- "$@"
[ "$#" -eq 0 ] || exit 0

cat > docs/performance.md <<TEXT
# Performance

Each line is a ratio from one run: Arcus against the peer that it names, taking turns, medians of ten and more. Made by \`make bench\` on $(nproc) cores ($(uname -m), Linux $(uname -r | cut -d- -f1)), release build.

$(cat "$table")

What is measured:

- **create to running**: \`POST /environments\` with one node, until the API shows that it runs, against
  \`POST /1.0/instances\` and \`PUT /1.0/instances/NAME/state\` made straight to Incus, each with its wait. Arcus asks for both
  in one call, which pays for its own bookkeeping.
- **1,000 sandbox servers**: one environment of 1,000 nodes until it is ready. With 200 ms a call the cloud's call budget
  (32 at once) sets the pace: the ratio is the time that the three calls a server that can't be done without need at full
  use of the budget, over the time taken.
- **200 servers on EC2**: one environment of 200 nodes, at a stand-in of Amazon's API that takes 50 ms for each call, until the
  API shows that all of them run; against the same servers by Apache Libcloud's driver, with a thread for each of them. Both
  know beforehand what sizes there are. The calls are all that Arcus makes for them: image, key, firewall and looks as well.
- **GET /environments**: 500 requests on one connection, in each of two databases.
- **GET /v1/server/list**: 64 connections for two seconds each, in turn: Arcus on SQLite with 50 servers that run on the
  local Incus, a handler that returns the very same bytes and does nothing else, and \`GET /1.0/instances?recursion=1\` of
  Incus itself, over its Unix socket. The load comes from this machine as well, and takes its share of the processors.
- **start, memory**: until \`/readyz\` answers 200, and VmRSS a second later. The 100,000 servers stand in the database, in a
  region that is not there: nothing asks a cloud about them.
TEXT
