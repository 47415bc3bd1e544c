"""The released STEAL network, stated plainly: weights by their released names, and functions.

Facts (nv-tlabs/STEAL, models/casenet.py): stem 7x7 stride 1; max pooling 3x3 stride 2, no padding,
size rounded up; bottlenecks 3, 4, 23, 3 with the stride in the first 1x1 convolution, dilation 2
and 4 in the last stage; 1x1 scores after stem, layer1, layer2 and layer4; transposed convolutions
of kernel 2s and stride s, cropped from s/2 (SBD) or padded by s/2 (Cityscapes); grouped 1x1 fusion
of (A_k, F_1, F_2, F_3).
"""

import torch
import torch.nn.functional as F

STAGES = ((3, 1, 2), (4, 2, 2), (23, 2, 2), (3, 1, 4))  # blocks, stride, dilation
UPSAMPLED = {'score_edge_side2': 2, 'score_edge_side3': 4, 'score_cls_side5': 8}
BGR_MEAN = (104.008, 116.669, 122.675)


def random_weights(num_classes, width=64, blocks=(3, 4, 23, 3), seed=0):
    """Weights by their released names; `width` is 64 in the released network."""
    draw = torch.Generator().manual_seed(seed)
    weights = {}

    def add(name, *shape, gain=2.0):
        fan_in = max(torch.Size(shape[1:]).numel(), 1)
        weights[name] = torch.randn(shape, generator=draw) * (gain / fan_in) ** 0.5

    def add_norm(name, channels, scale=1.0):
        uniform = [torch.rand(channels, generator=draw) for _ in range(4)]
        weights[f'{name}.weight'] = scale * (0.5 + uniform[0])
        weights[f'{name}.bias'] = uniform[1] - 0.5
        weights[f'{name}.running_mean'] = uniform[2] - 0.5
        weights[f'{name}.running_var'] = 0.5 + uniform[3]

    add('conv1.weight', width, 3, 7, 7, gain=1e-3)  # pixels reach 255
    add_norm('bn1', width)
    channels = width
    for stage, number in enumerate(blocks):
        inner = width * 2**stage
        for block in range(number):
            name = f'layer{stage + 1}.{block}'
            add(f'{name}.conv1.weight', inner, channels, 1, 1)
            add_norm(f'{name}.bn1', inner)
            add(f'{name}.conv2.weight', inner, inner, 3, 3)
            add_norm(f'{name}.bn2', inner)
            add(f'{name}.conv3.weight', 4 * inner, inner, 1, 1)
            add_norm(f'{name}.bn3', 4 * inner, scale=0.2)  # the sum over blocks stays small
            if block == 0:
                add(f'{name}.downsample.0.weight', 4 * inner, channels, 1, 1)
                add_norm(f'{name}.downsample.1', 4 * inner)
            channels = 4 * inner
    scores = {
        'score_edge_side1': (1, width), 'score_edge_side2': (1, 4 * width),
        'score_edge_side3': (1, 8 * width), 'score_cls_side5': (num_classes, 32 * width),
    }  # fmt: skip
    for name, (maps, features) in scores.items():
        add(f'{name}.conv.weight', maps, features, 1, 1, gain=0.02)
        add(f'{name}.conv.bias', maps)
        if name in UPSAMPLED:
            factor = UPSAMPLED[name]
            weights[f'{name}.upsampled.weight'] = torch.rand(
                maps, 1, 2 * factor, 2 * factor, generator=draw
            )
    add('ce_fusion.weight', num_classes, 4, 1, 1)
    add('ce_fusion.bias', num_classes)
    return weights


def released_logits(weights, image, variant):
    """Fused and last-side logits of images (N, 3, H, W), BGR less the mean."""

    def norm(x, name):
        return F.batch_norm(
            x, weights[f'{name}.running_mean'], weights[f'{name}.running_var'],
            weights[f'{name}.weight'], weights[f'{name}.bias'], eps=1e-5,
        )  # fmt: skip

    def score(x, name):
        x = F.conv2d(x, weights[f'{name}.conv.weight'], weights[f'{name}.conv.bias'])
        if name not in UPSAMPLED:
            return x
        factor = UPSAMPLED[name]
        options = dict(weight=weights[f'{name}.upsampled.weight'], stride=factor, groups=x.shape[1])
        if variant == 'pad':
            return F.conv_transpose2d(x, padding=factor // 2, **options)
        x, offset = F.conv_transpose2d(x, **options), factor // 2
        return x[:, :, offset : offset + image.shape[2], offset : offset + image.shape[3]]

    x = norm(F.conv2d(image, weights['conv1.weight'], padding=3), 'bn1').relu()
    side1 = score(x, 'score_edge_side1')
    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    outs = []
    for stage, (blocks, stride, dilation) in enumerate(STAGES, start=1):
        for block in range(blocks):
            name = f'layer{stage}.{block}'
            step = stride if block == 0 else 1
            y = F.conv2d(x, weights[f'{name}.conv1.weight'], stride=step)
            y = norm(y, f'{name}.bn1').relu()
            y = F.conv2d(y, weights[f'{name}.conv2.weight'], padding=dilation, dilation=dilation)
            y = norm(y, f'{name}.bn2').relu()
            y = norm(F.conv2d(y, weights[f'{name}.conv3.weight']), f'{name}.bn3')
            if block == 0:
                x = F.conv2d(x, weights[f'{name}.downsample.0.weight'], stride=step)
                x = norm(x, f'{name}.downsample.1')
            x = (x + y).relu()
        outs.append(x)
    side2 = score(outs[0], 'score_edge_side2')
    side3 = score(outs[1], 'score_edge_side3')
    side5 = score(outs[3], 'score_cls_side5')
    num_classes = side5.shape[1]
    sliced = [m for k in range(num_classes) for m in (side5[:, k : k + 1], side1, side2, side3)]
    fused = F.conv2d(
        torch.cat(sliced, 1), weights['ce_fusion.weight'], weights['ce_fusion.bias'],
        groups=num_classes,
    )  # fmt: skip
    return fused, side5


def released_sbd_edges(weights, image):
    """Edge maps (K, H, W) of one BGR uint8 image (H, W, 3): padded to 512 with the mean."""
    height, width = image.shape[:2]
    padded = torch.zeros(1, 3, 512, 512)
    padded[0, :, :height, :width] = torch.from_numpy(
        image.astype('float32') - torch.tensor(BGR_MEAN).numpy()
    ).permute(2, 0, 1)
    return released_logits(weights, padded, 'crop')[0].sigmoid()[0, :, :height, :width]


def released_cityscapes_edges(weights, image, patch=512, step=256, pad=16):
    """Edge maps (K, H, W): the mean of the probabilities of overlapping patches."""
    import cv2
    import numpy as np

    height, width = image.shape[:2]
    around = cv2.copyMakeBorder(image.astype(np.float32), *[pad] * 4, cv2.BORDER_REFLECT)
    around -= np.array(BGR_MEAN, np.float32)
    total, count = 0.0, np.zeros((height, width))
    for top in range(0, height - patch + 1, step):
        for left in range(0, width - patch + 1, step):
            crop = around[top : top + patch + 2 * pad, left : left + patch + 2 * pad]
            inputs = torch.from_numpy(crop).permute(2, 0, 1)[None]
            prob = released_logits(weights, inputs, 'pad')[0].sigmoid()[0, :, pad:-pad, pad:-pad]
            full = np.zeros((len(prob), height, width))
            full[:, top : top + patch, left : left + patch] = prob.numpy()
            total = total + full
            count[top : top + patch, left : left + patch] += 1
    return torch.from_numpy(total / count)
