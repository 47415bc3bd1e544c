"""How much each voice counts in the joint labelling: fitted to simulated errors of photographs.

They maximise the conditional likelihood of the true labels of pixels near the outlines of CamVid
(training split), ECSSD and COCO images, and of coarse labels that people drew (MSRC): errors to
either side and to both, of 4 to 32 px, with gradient, learnt and exact edges, and with a told error
that is right or wrong by up to 1.7. `benchmarks/experiments/fit_joint_weights.py` fits such a
table; other samples of pixels give other digits (docs/results.md, g).
By the IoU of the same images two were changed by hand: the constant of 'outline' is larger by 0.4
than fitted, and that of 'none' is not above 6, since the images hardly show pixels of no label.
`benchmarks/experiments/fit_joint_guard.py` fits what is believed of refined objects; the least
gain was chosen by hand from the losses that it prints.
"""

from __future__ import annotations

import numpy as np

# What the weights depend on: nothing; log(error_px / 8); log of how much stronger
# the edges near outlines are than those of the interior; whether there is a background.
CIRCUMSTANCES = ('always', 'error', 'edges', 'background')
# What may speak against a label, and its weight under each circumstance.
_TABLE = {
    'outline': (0.690, 0.119, -0.203, -0.248),
    'outline_in_gap': (-8.803, -0.001, -0.000, 0.000),
    'gap_ratio': (-0.066, 0.206, -0.470, 0.000),
    'none': (6.000, 0.001, -0.000, 0.000),
    'offset_by_edges': (0.729, -0.473, 0.009, -0.023),
    'offset_by_colors': (0.525, -0.038, -0.066, -0.036),
    'pooled_by_edges': (3.147, -0.049, -0.117, -0.001),
    'pooled_by_colors': (0.076, 0.720, -0.162, -0.002),
    'depth': (-0.018, -0.350, -0.049, -0.018),
    'thinness': (-0.157, -0.109, -0.033, 0.010),
    'reach': (-1.134, -0.044, -0.122, -0.332),
    'way': (-0.843, -0.005, 0.528, 0.461),
    'color': (-0.849, 0.135, -0.009, 0.351),
}
# Voices that always speak against; their weights are exponentials of what the table gives.
POSITIVE = frozenset({'outline', 'outline_in_gap', 'gap_ratio', 'reach', 'way', 'color'})
VOICES = tuple(_TABLE)
WEIGHTS = np.array(list(_TABLE.values()), np.float32).T

# What is known of an object (see `object_guard.describe`), and how much it says of the share of
# its change that is a gain in IoU.
_JUDGEMENT = {
    'always': 1.5307,
    'filled': -0.5544,
    'promise': 0.5327,
    'change': -0.0250,
    'growth': -0.1490,
    'promise_alone': 0.2657,
    'expected_alone': 1.3610,
    'expected': -3.0248,
    'thickness': 0.0321,
    'background': 0.0934,
    'filled * filled': 0.8105,
    'filled * promise': -0.2054,
    'filled * change': 0.3611,
    'filled * growth': 0.0271,
    'promise * promise': 0.0142,
    'promise * change': 0.0365,
    'promise * growth': 0.2763,
    'change * change': 0.0702,
    'change * growth': -0.3004,
    'growth * growth': 0.0915,
}
KNOWN = tuple(_JUDGEMENT)
GAIN_WEIGHTS = np.array(list(_JUDGEMENT.values()))
# Objects of which less of the change is likely to be a gain are returned as they were given.
LEAST_GAIN = 0.25
# The logit of the true IoU as a line over the logit of the expected one: scale and shift.
IOU_LOGIT = (0.919, -0.194)
