"""From a config file and command-line options to a config that the runner takes."""

from __future__ import annotations

import os
import os.path as osp
import warnings
from importlib.util import find_spec

from mmengine.config import Config

from mmsteal.compat import prepare_distributed


def load_run_config(
    config: str,
    *,
    work_dir: str | None = None,
    launcher: str = 'none',
    data_root: str | None = None,
    cfg_options: dict | None = None,
    amp: bool = False,
    training: bool = False,
) -> Config:
    """Load a config, apply the options, and fit it to the ranks and devices at hand.

    Args:
        config: Path of the config, or its name, see :func:`find_config`.
        work_dir: Folder for logs and checkpoints; None takes the config's, or one in `work_dirs`
            with the name of the config.
        launcher: `'none'`, `'pytorch'` or `'slurm'`.
        data_root: Folder of the data set, for every dataset of the config.
        cfg_options: Values to set, by dotted key.
        amp: Train in bfloat16.
        training: Share `total_batch_size` out among the ranks, unless the options set the batch
            size of a rank.

    Returns:
        Ready for :func:`mmsteal.apis.build_runner`.

    Raises:
        FileNotFoundError: If the config does not exist.
        ValueError: If `total_batch_size` cannot be shared out among the ranks.
    """
    cfg = read_config(config, cfg_options)
    if data_root:
        set_data_root(cfg, data_root)
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or osp.join(
        'work_dirs', osp.splitext(osp.basename(cfg.filename))[0]
    )  # fmt: skip
    if amp:
        cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    _drop_missing_backends(cfg)
    if training and 'train_dataloader.batch_size' not in (cfg_options or {}):
        share_total_batch(cfg, _world_size(launcher))
    prepare_distributed(cfg)
    return cfg


def read_config(config: str | os.PathLike, cfg_options: dict | None = None) -> Config:
    """Read a config and set values in it.

    Args:
        config (str | os.PathLike): Path of the config, or its name, see :func:`find_config`.
        cfg_options (dict | None): Values to set, by dotted key.

    Returns:
        Config: The config with everything that it inherits.

    Raises:
        FileNotFoundError: If the config does not exist.
    """
    cfg = Config.fromfile(find_config(config))
    if cfg_options:
        cfg.merge_from_dict(cfg_options)
    return cfg


def find_config(config: str | os.PathLike) -> str:
    """Path of a config of one's own, or of one that an installed package brings.

    Args:
        config (str | os.PathLike): A path, or a name as `mmsteal::steal_demo.py` or
            `mmseg::pspnet/pspnet_r50-d8_4xb2-40k_cityscapes-512x1024.py`: what `_base_` takes.

    Returns:
        str: The path.

    Raises:
        FileNotFoundError: If there is no such config.

    Example:
        >>> find_config('mmsteal::steal_demo.py').endswith('configs/steal_demo.py')
        True
    """
    config = os.fspath(config)
    if '::' in config:
        return Config._get_cfg_path(config, 'argument `config`')[0]  # as mmengine finds bases
    if not osp.isfile(config):
        raise FileNotFoundError(f'Expected a config at {osp.abspath(config)}, but there is none.')
    return config


def set_data_root(cfg: Config, data_root: str) -> None:
    """Set the folder of the data set of every data loader.

    Args:
        cfg: Changed in place.
        data_root: The folder.

    Raises:
        FileNotFoundError: If it does not exist.
    """
    if not osp.isdir(data_root):
        raise FileNotFoundError(
            f'Expected the folder of the data set at {osp.abspath(data_root)}, but there is none.'
        )
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(loader):
            dataset = cfg[loader].dataset
            dataset = dataset.get('dataset', dataset)  # what a MultiImageMixDataset wraps
            for part in dataset.get('datasets', [dataset]):  # of a ConcatDataset, each one
                part.data_root = data_root


def share_total_batch(cfg: Config, world_size: int) -> None:
    """Set the batch of each rank from `total_batch_size`, where the config has it.

    The paper's learning rates belong to a total batch of 8 whatever the number of GPUs.

    Args:
        cfg: Changed in place; without `total_batch_size` it stays as it is.
        world_size: Number of ranks.

    Raises:
        ValueError: If the batch does not divide.
    """
    total = cfg.get('total_batch_size')
    if total is None or cfg.get('train_dataloader') is None:
        return
    if total % world_size:
        raise ValueError(
            f'Expected `total_batch_size` to be a multiple of the number of ranks, but got '
            f'{total} on {world_size} ranks; use another number of GPUs, or set '
            f'--cfg-options total_batch_size={world_size * max(1, round(total / world_size))} '
            'and scale the learning rate with it.'
        )
    cfg.train_dataloader.batch_size = total // world_size


def _drop_missing_backends(cfg: Config) -> None:
    """Train without TensorBoard where it is not installed, and say so."""
    visualizer = cfg.get('visualizer')
    if visualizer is None or not visualizer.get('vis_backends') or find_spec('tensorboard'):
        return
    kept = [b for b in visualizer.vis_backends if b['type'] != 'TensorboardVisBackend']
    if len(kept) < len(visualizer.vis_backends):
        visualizer.vis_backends = kept
        warnings.warn(
            'tensorboard is not installed: pictures and curves go to files only. '
            'Install it with: pip install "mmsteal[tensorboard]".',
            stacklevel=2,
        )


def _world_size(launcher: str) -> int:
    names = {'pytorch': 'WORLD_SIZE', 'slurm': 'SLURM_NTASKS'}
    return int(os.environ.get(names.get(launcher, ''), 1))
