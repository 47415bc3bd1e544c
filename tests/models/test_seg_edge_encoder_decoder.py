import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmsteal.models import EdgeTTAModel

EDGES = dict(type='CASENetHead', in_channels=[8, 8], in_index=[0, 1], num_classes=3)
FCN = dict(type='FCNHead', in_channels=8, channels=4, in_index=0, num_convs=1, num_classes=4)


def make_model(auxiliary_head=EDGES, *, test_cfg=None, **changes):
    init_default_scope('mmseg')
    config = dict(
        type='SegEdgeEncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', test_cfg=dict(size_divisor=8)),
        backbone=dict(
            type='CASENetResNet', depth=18, base_channels=8, stem_channels=8, out_indices=(0, 1)
        ),
        decode_head=FCN,
        auxiliary_head=auxiliary_head,
        train_cfg=dict(),
        test_cfg=ConfigDict(test_cfg or dict(mode='whole')),
    )
    return MODELS.build({**config, **changes}).eval()


def sample(size, **meta):
    return SegDataSample(metainfo=dict(img_path='a.jpg', ori_shape=size, img_shape=size, **meta))


def predict(model, image, **meta):
    size = tuple(image.shape[1:])
    return model.test_step(dict(inputs=[image], data_samples=[sample(size, **meta)]))[0]


@pytest.mark.parametrize('auxiliary_head', [EDGES, [FCN, EDGES]], ids=['alone', 'in a list'])
@torch.no_grad()
def test_predicts_what_both_heads_say(auxiliary_head):
    model = make_model(auxiliary_head)
    image = torch.randint(0, 256, (3, 33, 42), dtype=torch.uint8)
    out = predict(model, image)
    padded = torch.nn.functional.pad(image.float(), (0, 6, 0, 7))[None]
    features = model.extract_feat(padded)
    meta = [dict(img_shape=(40, 48))]
    edges = model.edge_head.predict(features, meta, {}).sigmoid()[0, :, :33, :42]
    logits = model.decode_head.predict(features, meta, {})[0, :, :33, :42]
    torch.testing.assert_close(out.pred_edge_map.data, edges)
    torch.testing.assert_close(out.seg_logits.data, logits)
    assert torch.equal(out.pred_sem_seg.data, logits.argmax(0, keepdim=True))


@torch.no_grad()
def test_label_maps_are_those_of_the_plain_segmentor():
    model = make_model()
    plain = make_model(type='EncoderDecoder')
    plain.load_state_dict(model.state_dict())
    image = torch.randint(0, 256, (3, 40, 48), dtype=torch.uint8)
    a, b = predict(model, image), predict(plain, image)
    torch.testing.assert_close(a.seg_logits.data, b.seg_logits.data)
    assert 'pred_edge_map' not in b


@torch.no_grad()
def test_slide():
    model = make_model(test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(16, 16)))
    image = torch.randn(3, 32, 48)
    out = predict(model, image)
    assert out.pred_edge_map.data.shape == (3, 32, 48)
    assert out.seg_logits.data.shape == (4, 32, 48)
    assert model.out_channels == 4
    meta = [dict(img_shape=(32, 32))]
    windows = [
        model.edge_head.predict(model.extract_feat(image[None, :, :, x : x + 32]), meta, {})
        for x in (0, 16)
    ]
    left, right = (w.sigmoid()[0] for w in windows)
    edges = out.pred_edge_map.data
    torch.testing.assert_close(edges[..., :16], left[..., :16])
    torch.testing.assert_close(edges[..., 16:32], (left[..., 16:] + right[..., :16]) / 2)


@torch.no_grad()
def test_flip_and_size_are_undone():
    model = make_model()
    image = torch.randint(0, 256, (3, 32, 48), dtype=torch.uint8)
    out = model.test_step(
        dict(inputs=[image], data_samples=[
            SegDataSample(metainfo=dict(ori_shape=(64, 96), img_shape=(32, 48), flip=True,
                                        flip_direction='horizontal'))
        ])
    )[0]  # fmt: skip
    straight = predict(model, image).pred_edge_map.data
    assert out.pred_edge_map.data.shape == (3, 64, 96)
    small = torch.nn.functional.avg_pool2d(out.pred_edge_map.data, 2)
    torch.testing.assert_close(small, straight.flip(-1), atol=0.1, rtol=0)


@torch.no_grad()
def test_binary_segmentation():
    head = dict(FCN, num_classes=2, out_channels=1, threshold=0.3,
                loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True))  # fmt: skip
    model = make_model(decode_head=head)
    out = predict(model, torch.randn(3, 32, 32))
    assert out.seg_logits.data.shape == (1, 32, 32)
    assert out.pred_edge_map.data.shape == (3, 32, 32)
    assert set(out.pred_sem_seg.data.unique().tolist()) <= {0, 1}


@torch.no_grad()
def test_tta_averages_both():
    model = make_model()
    tta = EdgeTTAModel(module=model)
    copies = [predict(model, torch.randn(3, 16, 16)) for _ in range(3)]
    prob = torch.stack([c.pred_edge_map.data for c in copies]).mean(0)
    label = sum(c.seg_logits.data.softmax(0) for c in copies).argmax(0)
    (merged,) = tta.merge_preds([copies])
    torch.testing.assert_close(merged.pred_edge_map.data, prob)
    assert torch.equal(merged.pred_sem_seg.data.squeeze(), label)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(auxiliary_head=FCN), r'FCNHead.*CASENetHead'),
        (dict(auxiliary_head=None), r'none.*CASENetHead'),
        (dict(decode_head=EDGES), 'EdgeEncoderDecoder'),
    ],
)
def test_exception_heads(changes, message):
    with pytest.raises(ValueError, match=message):
        make_model(**changes)
