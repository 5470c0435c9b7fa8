#!/usr/bin/env bash
# Puts the documents that flux-aws-auth prints before an IAM evaluator nobody here wrote: ministack, asked by boto3. Needs
# cargo and python3 with venv; installs both below target/. All traffic stays on loopback.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../.."
target=${CARGO_TARGET_DIR:-target}

cargo build --quiet --locked -p examples --example iam
python3 -m venv "$target/ministack"
"$target/ministack/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
exec "$target/ministack/bin/python" -B "$here/checks.py" "$target/debug/examples/iam"
