import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmsteal.models import EdgeTTAModel


def make_model(num_classes=3, **test_cfg):
    init_default_scope('mmseg')
    model = MODELS.build(
        dict(
            type='EdgeEncoderDecoder',
            data_preprocessor=dict(type='SegDataPreProcessor', test_cfg=dict(size_divisor=8)),
            backbone=dict(type='CASENetResNet', depth=18, base_channels=8, stem_channels=8),
            decode_head=dict(
                type='CASENetHead', in_channels=[8, 8, 16, 64], in_index=[0, 1, 2, 3],
                num_classes=num_classes,
            ),
            train_cfg=dict(),
            test_cfg=ConfigDict(test_cfg or dict(mode='whole')),
        )
    )  # fmt: skip
    return model.eval()


def sample(size, **meta):
    return SegDataSample(metainfo=dict(img_path='a.jpg', ori_shape=size, img_shape=size, **meta))


@pytest.mark.parametrize('num_classes', [1, 2, 3])
@torch.no_grad()
def test_prediction_is_one_sigmoid_at_original_size(num_classes):
    model = make_model(num_classes)
    image = torch.randint(0, 256, (3, 33, 42), dtype=torch.uint8)
    out = model.test_step(dict(inputs=[image], data_samples=[sample((33, 42))]))[0]
    prob = out.pred_edge_map.data
    assert prob.shape == (num_classes, 33, 42)
    padded = torch.nn.functional.pad(image.float(), (0, 6, 0, 7))[None]
    expected = model.decode_head(model.extract_feat(padded))['fused'].sigmoid()[0, :, :33, :42]
    torch.testing.assert_close(prob, expected)


@pytest.mark.parametrize('step', ['val_step', 'test_step'])
def test_batch_of_different_sizes_is_told(step):
    images = [torch.zeros(3, 16, 24), torch.zeros(3, 16, 24), torch.zeros(3, 20, 24)]
    samples = [sample(tuple(image.shape[1:])) for image in images]
    with pytest.raises(ValueError, match=r'24 x 16 and 24 x 20 .*val_dataloader\.batch_size=1'):
        getattr(make_model(), step)(dict(inputs=images, data_samples=samples))


@torch.no_grad()
def test_result_is_resized_to_the_original_image():
    model = make_model()
    out = model.test_step(
        dict(inputs=[torch.zeros(3, 16, 24)], data_samples=[sample((32, 48))])
    )[0]  # fmt: skip
    assert out.pred_edge_map.data.shape == (3, 32, 48)


@torch.no_grad()
def test_slide_equals_whole_for_one_window_and_covers_all():
    model = make_model(mode='slide', crop_size=(32, 32), stride=(16, 16))
    image = torch.randn(3, 32, 32)
    slide = model.test_step(dict(inputs=[image], data_samples=[sample((32, 32))]))[0]
    model.test_cfg.mode = 'whole'
    whole = model.test_step(dict(inputs=[image], data_samples=[sample((32, 32))]))[0]
    torch.testing.assert_close(slide.pred_edge_map.data, whole.pred_edge_map.data)
    model.test_cfg.mode = 'slide'
    image = torch.randn(3, 40, 72)
    wide = model.test_step(
        dict(inputs=[image], data_samples=[sample((40, 72))])
    )[0].pred_edge_map.data  # fmt: skip
    # By hand: windows of 32 at steps of 16, the last ones moved back to the border.
    total, count = torch.zeros(3, 40, 72), torch.zeros(40, 72)
    for y in (0, 8):
        for x in (0, 16, 32, 40):
            window = (slice(y, y + 32), slice(x, x + 32))
            crop = image[(None, slice(None), *window)]
            logits = model.decode_head(model.extract_feat(crop))['fused']
            total[(slice(None), *window)] += logits.sigmoid()[0]
            count[window] += 1
    torch.testing.assert_close(wide, total / count)


@pytest.mark.parametrize('size', [(40, 72), (20, 32), (5, 9)])
@torch.no_grad()
def test_margin_shows_the_surroundings_and_is_cut_off(size):
    margin = 8
    model = make_model(mode='slide', crop_size=(32, 32), stride=(16, 16), margin=margin)
    image = torch.randn(3, *size)
    height, width = size
    # numpy's symmetric padding repeats the border pixel, as the released patches do.
    around = torch.from_numpy(
        np.pad(image.numpy(), ((0, 0), (margin, margin), (margin, margin)), mode='symmetric')
    )
    total, count = torch.zeros(3, *size), torch.zeros(size)
    for y in (0, 8) if height > 32 else (0,):
        for x in (0, 16, 32, 40) if width > 32 else (0,):
            stop = (min(y + 32, height), min(x + 32, width))
            crop = around[None, :, y : stop[0] + 2 * margin, x : stop[1] + 2 * margin]
            logits = model.decode_head(model.extract_feat(crop))['fused']
            inner = logits[0, :, margin:-margin, margin:-margin]
            total[:, y : stop[0], x : stop[1]] += inner.sigmoid()
            count[y : stop[0], x : stop[1]] += 1
    model.data_preprocessor.test_cfg = None
    out = model.test_step(dict(inputs=[image], data_samples=[sample(size)]))[0]
    torch.testing.assert_close(out.pred_edge_map.data, total / count)


@pytest.mark.parametrize(
    ('test_cfg', 'message'),
    [
        (dict(mode='slide', crop_size=(32, 32), stride=(16, 16), margin=-1), 'margin'),
        (dict(mode='slide', crop_size=(32, 32), stride=(16, 16), margin=1.5), 'margin'),
        (dict(mode='whole', margin=16), "mode='slide'"),
        (dict(mode='slide', crop_size=(32, 32), stride=(16, 33)), 'stride'),
    ],
)
def test_exception_test_cfg(test_cfg, message):
    with pytest.raises(ValueError, match=message):
        make_model(**test_cfg)


@pytest.mark.parametrize(('direction', 'axis'), [('horizontal', -1), ('vertical', -2)])
@torch.no_grad()
def test_flip_is_undone(direction, axis):
    model = make_model()
    prob = torch.rand(1, 3, 16, 24)
    flipped = sample((16, 24), flip=True, flip_direction=direction)
    out = model.postprocess_result(prob, [flipped])[0].pred_edge_map.data
    torch.testing.assert_close(out, prob[0].flip(axis))


@torch.no_grad()
def test_tta_averages_probabilities():
    model = make_model()
    tta = EdgeTTAModel(module=model)
    copies = [model.postprocess_result(torch.rand(1, 3, 8, 8))[0] for _ in range(3)]
    mean = torch.stack([c.pred_edge_map.data for c in copies]).mean(0)
    merged = tta.merge_preds([copies])
    torch.testing.assert_close(merged[0].pred_edge_map.data, mean)


def test_train_step_lowers_the_loss():
    model = make_model().train()
    from mmengine.optim import OptimWrapper
    from mmengine.structures import PixelData

    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1e-5))
    target = torch.zeros(3, 32, 32, dtype=torch.uint8)
    target[0, :, 15:17] = 1
    image = torch.zeros(3, 32, 32)
    image[:, :, 16:] = 200
    values = []
    for _ in range(6):
        data = sample((32, 32))
        data.set_data(dict(gt_edge_map=PixelData(data=target)))
        model.data_preprocessor.size = (32, 32)
        model.data_preprocessor.size_divisor = None
        values.append(
            model.train_step(dict(inputs=[image], data_samples=[data]), optimizer)['loss']
        )
    assert values[-1] < values[0]
