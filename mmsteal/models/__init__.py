"""Networks and losses."""

from mmsteal import mm_stack  # noqa: F401 (first: quiet and repaired, or an error that helps)
from mmsteal.models.backbones.casenet_resnet import CASENetResNet
from mmsteal.models.backbones.efficientnet_lite import EfficientNetLite
from mmsteal.models.backbones.timm_backbone import TimmBackbone
from mmsteal.models.decode_heads.bilinear_upconv import BilinearUpConv
from mmsteal.models.decode_heads.casenet_head import CASENetHead
from mmsteal.models.decode_heads.dds_head import DDSHead
from mmsteal.models.decode_heads.dff_head import DFFHead
from mmsteal.models.decode_heads.edge_head import EdgeHead
from mmsteal.models.decode_heads.edge_head_wrapper import EdgeHeadWrapper
from mmsteal.models.decode_heads.hed_head import HEDHead
from mmsteal.models.decode_heads.side_output_head import SideOutputHead
from mmsteal.models.losses.balanced_bce_loss import BalancedBCELoss
from mmsteal.models.losses.direction_loss import DirectionLoss
from mmsteal.models.losses.seg_boundary_loss import SegBoundaryLoss
from mmsteal.models.losses.thinning_nms_loss import ThinningNMSLoss
from mmsteal.models.segmentors.edge_encoder_decoder import EdgeEncoderDecoder
from mmsteal.models.segmentors.edge_tta import EdgeTTAModel
from mmsteal.models.segmentors.seg_edge_encoder_decoder import SegEdgeEncoderDecoder

__all__ = [
    'BalancedBCELoss',
    'BilinearUpConv',
    'CASENetHead',
    'CASENetResNet',
    'DDSHead',
    'DFFHead',
    'DirectionLoss',
    'EdgeEncoderDecoder',
    'EdgeHead',
    'EdgeHeadWrapper',
    'EdgeTTAModel',
    'EfficientNetLite',
    'HEDHead',
    'SegBoundaryLoss',
    'SegEdgeEncoderDecoder',
    'SideOutputHead',
    'ThinningNMSLoss',
    'TimmBackbone',
]
