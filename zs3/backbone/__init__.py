"""Backbones: images to maps of features."""

from .beside_clip import BesideClip
from .build import build_backbone
from .clip_visual import ClipFeatures, ClipVisual
from .convnet import ConvNet
from .mobilenet import MobileNetV2
from .prompted_clip import PromptedClipVisual
from .resnet import ResNet
from .swin import Swin
from .timm import TimmBackbone
from .towers import Towers
from .weights import load_backbone_weights

__all__ = [
    "BesideClip",
    "ClipFeatures",
    "ClipVisual",
    "ConvNet",
    "MobileNetV2",
    "PromptedClipVisual",
    "ResNet",
    "Swin",
    "TimmBackbone",
    "Towers",
    "build_backbone",
    "load_backbone_weights",
]
