"""What an edge is: pure functions of arrays and tensors.

Nothing here knows of mmengine, mmcv or mmseg; a person from another framework can use any of these
functions after reading its docstring alone.
"""

from typing import Any

from mmsteal.functional.align_options import REFINE_OPTIONS, STOP_EVIDENCES, AlignOptions
from mmsteal.functional.alignment import align_masks
from mmsteal.functional.assign_options import AssignOptions
from mmsteal.functional.balanced_bce import balanced_bce_loss
from mmsteal.functional.coarse_labels import (
    simulate_coarse_label_map,
    simulate_coarse_mask,
    simulate_coarse_objects,
)
from mmsteal.functional.direction import direction_loss
from mmsteal.functional.edge_assignment import EdgeAssignment, assign_edges
from mmsteal.functional.edge_bands import carry_bands
from mmsteal.functional.edge_geometry import EdgeGeometry, edge_geometry
from mmsteal.functional.edge_nms import edge_nms
from mmsteal.functional.edge_scores import EdgeScores, MeanScores, edge_scores, mean_scores
from mmsteal.functional.edges import (
    label_map_to_edges,
    mask_edges,
    union_edges,
    valid_mask_edges,
)
from mmsteal.functional.geodesic_labelling import GeodesicOptions, geodesic_labelling
from mmsteal.functional.gradient_edges import gradient_edges
from mmsteal.functional.label_agreement import LabelAgreement, label_agreement
from mmsteal.functional.label_merge import settle_overlaps
from mmsteal.functional.label_objects import LabelObjects, label_objects
from mmsteal.functional.label_values import LabelValues
from mmsteal.functional.level_set import evolve_level_set
from mmsteal.functional.matching import edge_counts, edge_thresholds
from mmsteal.functional.nms_loss import thinning_nms_loss
from mmsteal.functional.normals import edge_normals, hessian, triangle_filter
from mmsteal.functional.object_refinement import ObjectRefinement
from mmsteal.functional.options import change_options
from mmsteal.functional.outline_distance import outline_distances
from mmsteal.functional.refine_engines import engine_options
from mmsteal.functional.refine_objects import refine_objects
from mmsteal.functional.refinement import RefinedLabelMap, refine_label_map
from mmsteal.functional.soft_boundary import boundary_logits, class_boundaries, soft_boundary
from mmsteal.functional.speed import balloon_threshold, edge_evidence, speed_function
from mmsteal.functional.step_choice import MaskAlignment
from mmsteal.functional.thin import thin
from mmsteal.functional.total_loss import steal_loss

__all__ = [
    'REFINE_OPTIONS',
    'STOP_EVIDENCES',
    'AlignOptions',
    'AssignOptions',
    'EdgeAssignment',
    'EdgeGeometry',
    'EdgeScores',
    'GeodesicOptions',
    'JointLabelling',
    'JointOptions',
    'LabelAgreement',
    'LabelObjects',
    'LabelValues',
    'MaskAlignment',
    'MeanScores',
    'ObjectRefinement',
    'RefinedLabelMap',
    'align_masks',
    'assign_edges',
    'balanced_bce_loss',
    'balloon_threshold',
    'boundary_logits',
    'carry_bands',
    'change_options',
    'class_boundaries',
    'direction_loss',
    'edge_counts',
    'edge_evidence',
    'edge_geometry',
    'edge_nms',
    'edge_normals',
    'edge_scores',
    'edge_thresholds',
    'engine_options',
    'evolve_level_set',
    'geodesic_labelling',
    'gradient_edges',
    'hessian',
    'label_agreement',
    'label_map_to_edges',
    'label_objects',
    'mask_edges',
    'mean_scores',
    'outline_distances',
    'refine_label_map',
    'refine_objects',
    'settle_overlaps',
    'simulate_coarse_label_map',
    'simulate_coarse_mask',
    'simulate_coarse_objects',
    'soft_boundary',
    'speed_function',
    'steal_loss',
    'thin',
    'thinning_nms_loss',
    'triangle_filter',
    'union_edges',
    'valid_mask_edges',
]


def __getattr__(name: str) -> Any:
    """Names of the joint labelling: what it needs takes a while to import."""
    if name in ('JointLabelling', 'JointOptions'):
        from importlib import import_module

        return getattr(import_module('mmsteal.functional.joint_labelling'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return __all__
