"""Backbones: images to maps of features."""

from .build import build_backbone
from .clip_visual import ClipFeatures, ClipVisual
from .convnet import ConvNet
from .mobilenet import MobileNetV2
from .resnet import ResNet
from .swin import Swin
from .timm import TimmBackbone
from .towers import Towers
from .weights import load_backbone_weights

__all__ = [
    "ClipFeatures",
    "ClipVisual",
    "ConvNet",
    "MobileNetV2",
    "ResNet",
    "Swin",
    "TimmBackbone",
    "Towers",
    "build_backbone",
    "load_backbone_weights",
]
