#!/usr/bin/env bash
# The GPU proof kit: everything that needs an NVIDIA GPU, in one command. `run.sh --help` says how.
# It runs gencpp from this checkout and installs nothing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
export PYTHONPATH="$root/generator:$here:$root/tests/support${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONUNBUFFERED=1
exec "${PYTHON:-python3}" -m kit "$@"
