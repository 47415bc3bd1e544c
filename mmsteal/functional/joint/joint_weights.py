"""How much each voice counts in the joint labelling: fitted to simulated errors of photographs.

They maximise the IoU that objects are expected to have, and a little the likelihood of the true
labels of pixels near the outlines of CamVid (training split), ECSSD and COCO images, and of coarse
labels that people drew (MSRC): errors to either side and to both, of 4 to 32 px, with gradient,
learnt and exact edges, and with a told error that is right or wrong by up to 1.4.
`benchmarks/experiments/fit_joint_weights.py` fits such a table; other samples of pixels give other
digits (docs/results.md, g). Two were changed by hand: 'shed' counts less with a gradient and more
with sure edges than fitted, and 'way' more with large errors.
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
    'outline': (0.904, -0.288, -0.118, -0.316),
    'outline_in_gap': (-8.803, 0.000, 0.000, 0.000),
    'gap_ratio': (0.395, 0.099, -0.243, 0.000),
    'none': (6.612, 0.000, 0.002, 0.000),
    'offset_by_edges': (1.334, -0.273, 0.148, -0.196),
    'offset_by_colors': (0.903, 0.035, -0.049, -0.057),
    'pooled': (2.102, 0.221, -0.055, 0.004),
    'depth': (-0.085, -0.164, 0.017, -0.087),
    'thinness': (0.964, -0.027, 0.008, 0.000),
    'reach': (-1.359, -0.054, 0.045, -0.225),
    'way': (-0.167, 0.400, 0.039, 0.133),
    'shed': (-1.500, 0.059, 0.900, -0.087),
    'color': (-0.409, 0.083, -0.008, 0.107),
}
# Voices that always speak against; their weights are exponentials of what the table gives.
POSITIVE = frozenset({'outline', 'outline_in_gap', 'gap_ratio', 'reach', 'way', 'shed', 'color'})
VOICES = tuple(_TABLE)
WEIGHTS = np.array(list(_TABLE.values()), np.float32).T

# What is known of an object (see `object_guard.describe`), and how much it says of the share of
# its change that is a gain in IoU.
_JUDGEMENT = {
    'always': -1.0461,
    'filled': -0.7461,
    'promise': 0.2424,
    'change': 0.6726,
    'growth': 0.1292,
    'promise_alone': 0.5943,
    'expected_alone': 1.1199,
    'expected': 0.4021,
    'thickness': 0.0507,
    'background': 0.0898,
    'filled * filled': 0.9013,
    'filled * promise': -0.1157,
    'filled * change': 0.2897,
    'filled * growth': -0.0377,
    'promise * promise': -0.6589,
    'promise * change': -0.6121,
    'promise * growth': -0.1043,
    'change * change': -0.2516,
    'change * growth': -0.0425,
    'growth * growth': 0.0858,
}
KNOWN = tuple(_JUDGEMENT)
GAIN_WEIGHTS = np.array(list(_JUDGEMENT.values()))
# Objects of which less of the change is likely to be a gain are returned as they were given.
LEAST_GAIN = 0.3
# The logit of the true IoU as a line over the logit of the expected one: scale and shift.
IOU_LOGIT = (1.001, -0.947)
