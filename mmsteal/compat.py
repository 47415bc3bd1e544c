"""Repairs for faults of the mm stack. Each one is inert where the stack behaves.

Two families of distributions provide `mmengine`, `mmcv` and `mmseg`: OpenMMLab's own and the
maintained `onedl-*` forks. The same source of mmsteal runs on both.
"""

from __future__ import annotations

import importlib
import os
import pickle
import warnings
from importlib.metadata import PackageNotFoundError, version

import torch

from mmsteal.jobs.ranks import slurm_to_env

INSTALL_ROUTES = """mmsteal needs mmengine, mmcv and mmseg. Install one of the two families:
  maintained forks:   pip install "mmsteal[onedl]"
  OpenMMLab's own:    pip install mmengine "mmcv>=2.0.0rc4,<2.2.0" "mmsegmentation>=1.2.2"
Never both: they overwrite each other's files."""


def require_mm_stack() -> None:
    """Check that mmengine, mmcv and mmseg import.

    Raises:
        ImportError: If one of them does not; the message names both routes to install them.
    """
    with warnings.catch_warnings():
        # mmcv without compiled ops warns of a layer that nothing here uses.
        warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformable')
        for name in ('mmengine', 'mmcv', 'mmseg', 'mmseg.models'):
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise ImportError(f'Cannot import `{name}`: {error}\n{INSTALL_ROUTES}') from error


def enable_mmseg_bases() -> None:
    """Make `_base_ = 'mmseg::...'` find the configs of the onedl forks.

    mmengine looks for a distribution called `mmsegmentation`; the fork is called
    `onedl-mmsegmentation` and ships the same `.mim` folder.
    """
    from mmengine.config import utils as config_utils

    for module, package in (('mmseg', 'mmsegmentation'), ('mmpretrain', 'mmpretrain')):
        try:
            version(package)
        except PackageNotFoundError:
            config_utils.MODULE2PACKAGE[module] = f'onedl-{package}'


def enable_own_bases() -> None:
    """Make `_base_ = 'mmsteal::...'` find the configs that the package brings, at any depth.

    mmengine knows a closed list of packages, and refuses a path without a folder such as
    `mmsteal::steal_demo.py`. It also builds what comes from another package in a scope of the
    package's name; the classes of mmsteal are registered in mmseg's, so that is the scope here.
    """
    from mmengine.config import Config
    from mmengine.config import utils as config_utils

    # For `mmengine.hub.get_config('mmsteal::mix/...')`.
    config_utils.MODULE2PACKAGE['mmsteal'] = 'mmsteal'
    find_config = Config._get_cfg_path
    if getattr(find_config, 'knows_mmsteal', False):
        return

    def find_own_config(cfg_path: str, filename: str) -> tuple[str, str | None]:
        package, separator, name = cfg_path.partition('::')
        if package != 'mmsteal' or not separator:
            return find_config(cfg_path, filename)
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), '.mim', 'configs', name)
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f'Expected `{cfg_path}` in {filename} to name a config of mmsteal, but there is no '
                f'{path}; write it as README.md lists it, with .py at its end.'
            )
        return path, 'mmseg'

    find_own_config.knows_mmsteal = True
    Config._get_cfg_path = staticmethod(find_own_config)


def prepare_distributed(cfg) -> None:
    """Let a config train on several ranks without CUDA, over gloo.

    mmengine selects a CUDA device and passes CUDA device ids for every launched rank. Without a
    CUDA device this sets the process group up first (mmengine then keeps it) and asks for a
    wrapper without device ids. With CUDA, or without a launcher, nothing changes.

    Args:
        cfg (Config): The runner's config; changed in place.
    """
    if torch.cuda.is_available() or cfg.get('launcher', 'none') == 'none':
        return
    if cfg.launcher == 'slurm':
        slurm_to_env()
    if 'RANK' not in os.environ:
        raise RuntimeError(
            f'Expected the environment variable RANK to be set by the launcher "{cfg.launcher}", '
            'but it is absent; start with tools/dist_train.sh (torchrun) or tools/slurm_train.sh.'
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    wrapper = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False),
    )
    wrapper.update(cfg.get('model_wrapper_cfg') or {})
    cfg.model_wrapper_cfg = wrapper


def finish_distributed() -> None:
    """End the process group of a run that went well; without one nothing happens.

    Threads of gloo that outlive the interpreter abort the process now and then ("terminate called
    without an active exception"), and the launcher then calls a finished run failed. After an error
    it must not be called: ranks would wait for those that are gone.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def load_own_checkpoints() -> None:
    """Let a run resume from a checkpoint that it wrote itself, on torch >= 2.6.

    torch 2.6 loads nothing but tensors by default; mmengine's checkpoints also hold its message
    history. The forks load such a file in full after a look that fails; OpenMMLab's mmengine
    raises. This gives it the same rule for local files. As ever with pickles: load only
    checkpoints that you trust.
    """
    from mmengine.runner import checkpoint

    if hasattr(checkpoint, '_safe_torch_load'):
        return

    def load_local(filename: str, map_location):
        path = os.path.expanduser(filename)
        if not os.path.isfile(path):
            raise FileNotFoundError(f'{path} can not be found.')
        try:
            return torch.load(path, map_location=map_location, weights_only=True)
        except pickle.UnpicklingError:
            return torch.load(path, map_location=map_location, weights_only=False)

    checkpoint.CheckpointLoader.register_scheme(prefixes='', loader=load_local, force=True)


def repair_mm_stack() -> None:
    """Apply every repair that does not depend on a config."""
    enable_mmseg_bases()
    enable_own_bases()
    load_own_checkpoints()
