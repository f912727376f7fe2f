#!/usr/bin/env bash
# The wheel for users, in dist/. The same sources give the same file wherever they lie: no path of the machine and no time
# of the build is in it. In a target directory of its own, since what it tells the compiler is not what a developer does.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_home=${CARGO_HOME:-$HOME/.cargo}
export CARGO_TARGET_DIR=target/dist
export RUSTFLAGS="${RUSTFLAGS:-} --remap-path-prefix=$PWD=/tegmen --remap-path-prefix=$cargo_home=/cargo"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
cargo xtask wheel --profile release --out dist
sha256sum dist/*.whl
