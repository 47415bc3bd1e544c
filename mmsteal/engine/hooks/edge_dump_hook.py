"""Write predicted edges to disk while testing."""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample

from mmsteal.edge_files import check_distinct_names, write_prediction
from mmsteal.files import remove_partial_files
from mmsteal.jobs import check_out_dir


@HOOKS.register_module()
class EdgeDumpHook(Hook):
    """Write the edge maps of every tested image as one grey PNG per class.

    The layout is that of the published evaluations: `out_dir/class_001/NAME.png`, 255 =
    probability 1. Ranks write different images, so they do not meet.

    Args:
        out_dir (str): Folder to write to; made if needed.
    """

    def __init__(self, out_dir: str) -> None:
        self.out_dir = out_dir

    def before_test(self, runner: Runner) -> None:
        """Check that no result would overwrite another one, or an image; tidy up."""
        dataset = runner.test_dataloader.dataset
        images = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
        check_distinct_names(images)
        classes = [folder.name for folder in Path(self.out_dir).glob('class_*')]
        for folder in {osp.dirname(image) for image in images}:
            check_out_dir(self.out_dir, classes, {'images': folder}, inside=True)
        if is_main_process():
            remove_partial_files(self.out_dir)  # of a run that was killed

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Write one batch."""
        for sample in outputs or ():
            name = osp.splitext(osp.basename(sample.img_path))[0]
            prob = sample.pred_edge_map.data.float().cpu().numpy()
            write_prediction(self.out_dir, name, prob)
