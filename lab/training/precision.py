"""In what numbers a device computes fast."""

from __future__ import annotations

import torch


def fastest_device() -> torch.device:
    """Return the GPU that CUDA takes by itself, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_dtype(device: torch.device | str) -> torch.dtype:
    """Return bfloat16 where a device computes in it, else float32: a CPU that has to emulate it takes ten times as long."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    native = kind == "cpu" and getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return torch.bfloat16 if native else torch.float32


def fast_autocast(device: torch.device | str) -> torch.autocast:
    """Return a context in which a device computes as fast as it can."""
    kind = torch.device(device).type
    return torch.autocast(kind, torch.bfloat16, enabled=fast_dtype(device) == torch.bfloat16)
