"""Shared fixtures: seeds, the optional folder of real images, the optional GPU."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

settings.register_profile('default', deadline=None, derandomize=True)
settings.load_profile('default')

REPO = Path(__file__).resolve().parent.parent
SHARED_DATA = Path(os.environ.get('MMSTEAL_TEST_DATA', REPO.parent / 'shared' / 'data'))


def pytest_configure():
    # A shell has what it starts in the background ignore Ctrl-C; tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    no_data = pytest.mark.skip(
        reason=f'real images not found at {SHARED_DATA}; set MMSTEAL_TEST_DATA to their folder'
    )
    no_gpu = pytest.mark.skip(reason='no CUDA device')
    for item in items:
        if 'shared_data' in item.keywords and not SHARED_DATA.is_dir():
            item.add_marker(no_data)
        if 'gpu' in item.keywords and not torch.cuda.is_available():
            item.add_marker(no_gpu)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  (mmcv's transforms draw from it)


@pytest.fixture
def rng():
    """A seeded numpy generator."""
    return np.random.default_rng(0)


@pytest.fixture(scope='session')
def shared_data():
    """The folder of real images (tests that use it carry the marker `shared_data`)."""
    return SHARED_DATA


@pytest.fixture(scope='session')
def golden():
    """Expected values of the boundary benchmark, beside the real images."""
    folder = SHARED_DATA.parent / 'golden'
    if not folder.is_dir():
        pytest.skip(f'golden values not found at {folder}')
    return folder
