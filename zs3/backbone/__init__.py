"""Backbones: images to maps of features."""

from .build import build_backbone
from .clip_visual import ClipFeatures, ClipVisual
from .convnet import ConvNet
from .dpt import DPT
from .drn import DRN
from .mobilenet import MobileNetV2
from .resnet import ResNet
from .swin import Swin
from .timm import TimmBackbone
from .vit import ViT
from .weights import load_backbone_weights

__all__ = [
    "DPT",
    "DRN",
    "ClipFeatures",
    "ClipVisual",
    "ConvNet",
    "MobileNetV2",
    "ResNet",
    "Swin",
    "TimmBackbone",
    "ViT",
    "build_backbone",
    "load_backbone_weights",
]
