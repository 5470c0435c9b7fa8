#!/usr/bin/env bash
# Pushes to and pulls from local-aws's registries with skopeo. Needs cargo, python3, curl and skopeo; the last two are
# installed with apt-get where they are missing. All traffic stays on loopback.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../../.."
target=${CARGO_TARGET_DIR:-target}

missing=()
for program in curl skopeo; do
  command -v "$program" > /dev/null || missing+=("$program")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update -qq && apt-get install -y -qq "${missing[@]}" > /dev/null
fi
cargo build --quiet --locked -p local-aws
exec python3 -B "$here/checks.py" "$target/debug/local-aws"
