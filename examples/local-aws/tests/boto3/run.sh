#!/usr/bin/env bash
# Makes the calls local-aws answers, good and bad, with boto3 and the Kubernetes client. Needs cargo and python3; installs both
# below target/.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../../../.."
target=${CARGO_TARGET_DIR:-target}

cargo build --quiet --locked -p local-aws
python3 -m venv "$target/boto3"
"$target/boto3/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
exec "$target/boto3/bin/python" -B "$here/checks.py" "$target/debug/local-aws"
