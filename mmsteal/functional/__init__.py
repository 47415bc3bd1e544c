"""What an edge is: pure functions of arrays and tensors.

Nothing here knows of mmengine, mmcv or mmseg; a person from another framework can use any of these
functions after reading its docstring alone.
"""

import lazy_loader

from mmsteal.functional.alignment.align_masks import align_masks
from mmsteal.functional.alignment.align_options import REFINE_OPTIONS, STOP_EVIDENCES, AlignOptions
from mmsteal.functional.alignment.assign_options import AssignOptions
from mmsteal.functional.alignment.edge_assignment import EdgeAssignment, assign_edges
from mmsteal.functional.alignment.edge_bands import carry_bands
from mmsteal.functional.alignment.step_choice import MaskAlignment
from mmsteal.functional.edge_maps.edge_nms import edge_nms
from mmsteal.functional.edge_maps.edges import (
    label_map_to_edges,
    mask_edges,
    union_edges,
    valid_mask_edges,
)
from mmsteal.functional.edge_maps.gradient_edges import gradient_edges
from mmsteal.functional.edge_maps.normals import edge_normals, hessian, triangle_filter
from mmsteal.functional.edge_maps.thin import thin
from mmsteal.functional.labels.coarse_labels import (
    simulate_coarse_label_map,
    simulate_coarse_mask,
    simulate_coarse_objects,
)
from mmsteal.functional.labels.label_agreement import LabelAgreement, label_agreement
from mmsteal.functional.labels.label_merge import settle_overlaps
from mmsteal.functional.labels.label_objects import LabelObjects, label_objects
from mmsteal.functional.labels.label_values import LabelValues
from mmsteal.functional.labels.outline_distance import outline_distances
from mmsteal.functional.level_sets.evolution_options import EvolutionOptions
from mmsteal.functional.level_sets.level_set import evolve_level_set
from mmsteal.functional.level_sets.speed import balloon_threshold, edge_evidence, speed_function
from mmsteal.functional.losses.balanced_bce import balanced_bce_loss
from mmsteal.functional.losses.direction import direction_loss
from mmsteal.functional.losses.edge_geometry import EdgeGeometry, edge_geometry
from mmsteal.functional.losses.nms_loss import thinning_nms_loss
from mmsteal.functional.losses.soft_boundary import boundary_logits, class_boundaries, soft_boundary
from mmsteal.functional.losses.total_loss import steal_loss
from mmsteal.functional.options import change_options
from mmsteal.functional.refinement.geodesic_labelling import GeodesicOptions, geodesic_labelling
from mmsteal.functional.refinement.object_refinement import ObjectRefinement
from mmsteal.functional.refinement.refine_engines import engine_options
from mmsteal.functional.refinement.refine_label_map import RefinedLabelMap, refine_label_map
from mmsteal.functional.refinement.refine_objects import refine_objects
from mmsteal.functional.scores.edge_scores import EdgeScores, MeanScores, edge_scores, mean_scores
from mmsteal.functional.scores.matching import edge_counts, edge_thresholds

# What the joint labelling needs takes a while to import.
__getattr__, _, _ = lazy_loader.attach(
    __name__, submod_attrs={'joint.joint_labelling': ['JointLabelling', 'JointOptions']}
)

__all__ = [
    'REFINE_OPTIONS',
    'STOP_EVIDENCES',
    'AlignOptions',
    'AssignOptions',
    'EdgeAssignment',
    'EdgeGeometry',
    'EdgeScores',
    'EvolutionOptions',
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


def __dir__() -> list[str]:
    """All names, loaded or not."""
    return __all__
