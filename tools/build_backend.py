"""Builds the wheel when pip is asked to install a checkout (`pip install .`).

The wheel carries the extension module and the command line. maturin builds the first; the second has to lie ready in
maturin's data directory, and `cargo xtask wheel-data` puts it there. Everything else is maturin's own backend.
There is no source distribution: install from a wheel or from a checkout.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import maturin

ROOT = Path(__file__).resolve().parent.parent

get_requires_for_build_wheel = maturin.get_requires_for_build_wheel


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """What maturin says; for this it looks for the data directory, which is filled when the wheel is built."""
    (ROOT / "target/wheel-data").mkdir(parents=True, exist_ok=True)
    name: str = maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)
    return name


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Builds command line and extension in the release profile; returns the wheel's file name."""
    subprocess.run(
        [os.environ.get("CARGO", "cargo"), "xtask", "wheel-data", "--profile", "release"], cwd=ROOT, check=True
    )
    name: str = maturin.build_wheel(wheel_directory, config_settings, metadata_directory)
    return name


def build_sdist(sdist_directory: str, config_settings: dict[str, Any] | None = None) -> str:
    """Always fails: a source archive made by maturin would lack the command line."""
    raise SystemExit(
        "tegmen has no source distribution; build a wheel with `make wheel`, or `pip install .` in a checkout"
    )
