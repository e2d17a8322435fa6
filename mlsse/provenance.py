"""Where and by what a figure was made."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlsse

_LIBRARIES = (
    "numpy", "scipy", "pandas", "scikit-learn", "matminer", "pymatgen", "onnx", "onnxruntime",
)  # fmt: skip


def commit() -> str:
    """Commit of the checkout, with ``-dirty`` if more than its records changed since.

    Returns
    -------
    str
        The version of mlsse where there is no checkout.
    """
    root = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    if not (root / ".git").exists():
        return mlsse.__version__
    try:
        name = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", ".", ":(exclude)experiments/results")
    except (OSError, subprocess.CalledProcessError):
        return mlsse.__version__
    return f"{name}-dirty" if changed else name


def machine() -> dict[str, Any]:
    """Describe the machine without naming it.

    Returns
    -------
    dict
        ``cpu``, ``cores`` (those that this process may use), ``python``, ``platform`` and
        ``versions`` by library.
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    all_cores = os.cpu_count() or 1
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else all_cores,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "versions": {"mlsse": mlsse.__version__, **{name: version(name) for name in _LIBRARIES}},
    }
