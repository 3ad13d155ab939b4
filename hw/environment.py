"""What a number can depend on besides its inputs: versions, processor, cores."""

from __future__ import annotations

import platform
from typing import Any

from hw import machine
from hw.fingerprint import NOT_INSTALLED, version


def environment() -> dict[str, Any]:
    """What a number can depend on besides its inputs."""
    packages = ("numpy", "torch", "matplotlib", "sympy", "keras")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "cores": machine.cores(),
        "instruction_set": _instruction_set(),
        "packages": {name: found for name in packages if (found := version(name)) != NOT_INSTALLED},
    }


def _instruction_set() -> str:
    """The widest vector instructions that NumPy found on this processor."""
    try:
        from numpy._core._multiarray_umath import __cpu_features__ as features
    except ImportError:
        return "unknown"
    order = ("AVX512_SPR", "AVX512_ICL", "AVX512_SKX", "AVX512F", "AVX2", "AVX", "SVE", "NEON")
    return next((name for name in order if features.get(name)), "baseline")
