"""Schemes, hosts and ports."""

from __future__ import annotations


def usual_port(scheme: str) -> int:
    """The port that a URL of this scheme means where none is written."""
    return 443 if scheme in ("https", "wss") else 80


def authority(scheme: str, host: str, port: int) -> str:
    """Host and port as a ``Host`` field has them: the port left out where it is the usual one."""
    name = f"[{host}]" if ":" in host else host
    return name if port == usual_port(scheme) else f"{name}:{port}"
