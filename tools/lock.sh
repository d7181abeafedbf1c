#!/usr/bin/env bash
# Write the lock files: every version and every hash, and no address of an index. Usage: tools/lock.sh PYTHON_WITH_UV
set -euo pipefail
cd "$(dirname "$0")/.."

lock() {
    local name=$1
    shift
    # Written anew from what is locked already, so that nothing moves that need not. UPGRADE=1 moves everything.
    local -a upgrade=()
    [[ ${UPGRADE:-} ]] && upgrade=(--upgrade)
    "$python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
        ${upgrade[@]+"${upgrade[@]}"} --output-file "requirements/$name.lock" "$@" >/dev/null
}

python=${1:?which Python has uv?}
# With the driver of PostgreSQL: whoever installs what runs must not find out at the first start that a source needs more.
lock run pyproject.toml requirements/build.in --extra agent --extra gateway --extra postgres
# Both go into one environment: what runs is locked once, and tested as it runs.
lock dev pyproject.toml requirements/build.in --all-extras --constraint requirements/run.lock
lock proto requirements/proto.in
