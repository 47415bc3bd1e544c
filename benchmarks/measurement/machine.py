"""What the times were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PACKAGES = ('torch', 'numpy', 'scipy', 'scikit-image', 'numba')


def hardware() -> dict[str, str]:
    """CPU, GPU, and the versions that decide how fast it is."""
    import torch

    cpu, cpuinfo = platform.processor() or platform.machine(), Path('/proc/cpuinfo')
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        cpu = next((x.split(':')[1].strip() for x in lines if x.startswith('model name')), cpu)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU'
    versions = [f'Python {platform.python_version()}']
    for name in PACKAGES:
        try:
            versions.append(f'{name} {version(name)}')
        except PackageNotFoundError:
            versions.append(f'{name} of unknown version')
    return {'cpu': f'{cpu}, {os.cpu_count()} cores', 'gpu': gpu, 'versions': ', '.join(versions)}


def commit() -> str:
    """The commit of the checkout, marked if files differ from it; empty outside of git."""
    words = ['git', '-C', str(REPO), 'describe', '--always', '--dirty', '--exclude', '*']
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ''


def hardware_text(device: str | None = None) -> str:
    """One line about the hardware; of one device, or of all."""
    known = hardware()
    threads = f'{known["cpu"]}, one thread'
    parts = [threads, known['gpu']] if device != 'cpu' else [threads]
    return '; '.join([*parts, known['versions']])


def use_one_thread() -> None:
    """Let this process compute on one thread."""
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
