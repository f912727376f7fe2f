#!/usr/bin/env bash
# Builds the wheel inside an image of PyPA's (manylinux or musllinux), which has neither Rust nor our tools. Called by
# .github/workflows/release.yml, with the checkout as the working directory.
set -euo pipefail

python=/opt/python/cp310-cp310/bin/python
toolchain=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
    sh -s -- -y --quiet --profile minimal --default-toolchain "$toolchain"
export PATH="$HOME/.cargo/bin:$PATH"
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet "$(sed -n 's/^\(maturin==.*\)/\1/p' tests/requirements.txt)"
# An extension module of musl is linked to the C library that is there.
if [ -f /etc/alpine-release ]; then
    export RUSTFLAGS="-Ctarget-feature=-crt-static"
fi
git config --global --add safe.directory "$PWD"
bash tools/wheel.sh
