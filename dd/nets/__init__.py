"""Networks: the paper's, the field's, and many of them computed at once."""

from typing import Any


def __getattr__(name: str) -> Any:
    # earlier versions had it here; torch is imported by it, and not by the names of networks alone
    if name == "build":
        from dd.nets.factory import build

        return build
    raise AttributeError(f"module 'dd.nets' has no attribute {name!r}")
