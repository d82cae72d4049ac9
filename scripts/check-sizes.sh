#!/usr/bin/env bash
# A file that nobody can hold in their head is split: 800 lines is the wall. Called by `make check`. A cloud's own
# specification is data, and nobody's here to split.
set -euo pipefail
cd "$(dirname "$0")/.."

long=$(git ls-files -z '*.rs' '*.ts' '*.tsx' '*.py' '*.sh' '*.yaml' '*.md' ':!crates/clouds/tests/*/specification.yaml' |
    xargs -0 wc -l | awk '$2 != "total" && $1 > 800 { print $1, $2 }')
if [ -n "$long" ]; then
    printf 'These files have more than 800 lines; split them:\n%s\n' "$long"
    exit 1
fi
echo "sizes: no file has more than 800 lines"
