"""Backbones: images to maps of features."""

from .build import build_backbone
from .clip_visual import ClipFeatures, ClipVisual
from .convnet import ConvNet
from .deeplab import DeepLabV2
from .mobilenet import MobileNetV2
from .multi_scale import MultiScale
from .resnet import ResNet
from .swin import Swin
from .timm import TimmBackbone
from .weights import load_backbone_weights

__all__ = [
    "ClipFeatures",
    "ClipVisual",
    "ConvNet",
    "DeepLabV2",
    "MobileNetV2",
    "MultiScale",
    "ResNet",
    "Swin",
    "TimmBackbone",
    "build_backbone",
    "load_backbone_weights",
]
