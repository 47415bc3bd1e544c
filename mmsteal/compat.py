"""Repairs for faults of the mm stack. Each one is inert where the stack behaves.

Two families of distributions provide `mmengine`, `mmcv` and `mmseg`: OpenMMLab's own and the
maintained `onedl-*` forks. The same source of mmsteal runs on both.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType

import torch

from mmsteal.jobs.ranks import slurm_to_env
from mmsteal.safe_checkpoints import restrict_checkpoints


def enable_bases(config: ModuleType) -> None:
    """Make `_base_ = 'mmseg::...'` and `_base_ = 'mmsteal::...'` find their configs.

    Args:
        config (ModuleType): `mmengine.config`.
    """
    _enable_mmseg_bases(config)
    _enable_own_bases(config)


def _enable_mmseg_bases(config: ModuleType) -> None:
    """Find the configs of the onedl forks.

    mmengine looks for a distribution called `mmsegmentation`; the fork is called
    `onedl-mmsegmentation` and ships the same `.mim` folder.
    """
    for module, package in (('mmseg', 'mmsegmentation'), ('mmpretrain', 'mmpretrain')):
        try:
            version(package)
        except PackageNotFoundError:
            config.utils.MODULE2PACKAGE[module] = f'onedl-{package}'


def _enable_own_bases(config: ModuleType) -> None:
    """Find the configs that the package brings, at any depth.

    mmengine knows a closed list of packages, and refuses a path without a folder such as
    `mmsteal::steal_demo.py`. It also builds what comes from another package in a scope of the
    package's name; the classes of mmsteal are registered in mmseg's, so that is the scope here.
    """
    # For `mmengine.hub.get_config('mmsteal::mix/...')`.
    config.utils.MODULE2PACKAGE['mmsteal'] = 'mmsteal'
    find_config = config.Config._get_cfg_path

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

    config.Config._get_cfg_path = staticmethod(find_own_config)


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
            'but it is absent; start with torchrun -m mmsteal train, or in a checkout with '
            'tools/dist_train.sh or tools/slurm_train.sh.'
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


def stand_in_for_ops() -> None:
    """Let OpenMMLab's mmseg import beside mmcv-lite, which comes without compiled ops.

    A few of its models need ops, and so the import of all of them fails; nothing here needs one.
    The ops that are missing say so when they are called.
    """
    try:
        version('mmcv-lite')
    except PackageNotFoundError:
        return

    def missing(name: str):
        if name.startswith('__'):
            raise AttributeError(name)

        def op(*args, **kwargs):
            raise RuntimeError(
                f'Expected mmcv with its compiled ops for `{name}`, but got mmcv-lite; install '
                'mmcv in its place, or take a model that does without.'
            )

        return op

    ops = ModuleType('mmcv._ext')
    # Whoever asks whether there are compiled ops is told that there is nothing to load.
    ops.__spec__ = ModuleSpec('mmcv._ext', None)
    ops.__getattr__ = missing  # type: ignore[method-assign]
    sys.modules.setdefault('mmcv._ext', ops)


def hide_broken_timm() -> None:
    """Let mmseg import beside a timm that does not.

    mmseg does without timm where there is none. But timm imports torchvision, and one that was
    built for another torch raises no ImportError, which would end the import of mmseg.
    """
    if 'timm' in sys.modules or find_spec('timm') is None:
        return
    try:
        importlib.import_module('timm')
    except ImportError:
        return
    except Exception:
        for name in [n for n in sys.modules if n.partition('.')[0] in ('timm', 'torchvision')]:
            del sys.modules[name]
        sys.modules['timm'] = None  # type: ignore[assignment]  # as if there were none


def repair_checkpoints() -> None:
    """Let the weights load that the configs name, and nothing that is no weights."""
    restrict_checkpoints()
    load_torchvision_weights()
    explain_failed_downloads()


def load_torchvision_weights() -> None:
    """Fetch `torchvision://resnet101` and the like without torchvision.

    mmengine brings the addresses of these weights, but looks at them only after an import of
    torchvision, which must have been built for the very torch that is there.
    """
    import mmengine
    from mmengine.runner import checkpoint

    table = os.path.join(mmengine.__path__[0], 'hub', 'torchvision_0.12.json')

    def load_newer(filename: str, map_location):
        try:
            return checkpoint.load_from_torchvision(filename, map_location)
        except (ImportError, RuntimeError) as error:
            raise ImportError(
                f'Expected the weights {filename} to be of those that mmengine has an address '
                f'for, such as torchvision://resnet101, or a torchvision that belongs to your '
                f'torch, but got: {error}. To start from random weights: '
                '--cfg-options model.backbone.init_cfg=None.'
            ) from error

    # mmengine's log takes the name of the source from the name of the function.
    def load_from_torchvision(filename: str, map_location=None):
        address = mmengine.load(table).get(filename.partition('://')[2])
        if address is None:
            return load_newer(filename, map_location)
        return checkpoint.load_from_http(address, map_location=map_location)

    checkpoint.CheckpointLoader.register_scheme(
        prefixes='torchvision://', loader=load_from_torchvision, force=True
    )


def explain_failed_downloads() -> None:
    """Where weights cannot be fetched, say how to go on without a network."""
    from mmengine.runner import checkpoint

    fetch = checkpoint.load_from_http
    if getattr(fetch, 'explains', False):
        return

    def load_from_http(filename: str, *args, **kwargs):
        try:
            return fetch(filename, *args, **kwargs)
        except OSError as error:  # as all errors of urllib are
            kept = os.path.join(torch.hub.get_dir(), 'checkpoints', os.path.basename(filename))
            raise OSError(
                f'Cannot fetch the weights {filename}: {error}. Without a network, put that file '
                f'at {kept}; or let the backbone start from another one, '
                '--cfg-options model.backbone.init_cfg.checkpoint=FILE, or from random weights, '
                '--cfg-options model.backbone.init_cfg=None.'
            ) from error

    load_from_http.explains = True
    checkpoint.load_from_http = load_from_http
    checkpoint.CheckpointLoader.register_scheme(
        prefixes=('http://', 'https://'), loader=load_from_http, force=True
    )
