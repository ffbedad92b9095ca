"""Backbones: images to maps of features."""

from .beside_clip import BesideClip
from .build import build_backbone
from .clip_visual import ClipFeatures, ClipVisual
from .convnet import ConvNet
from .deeplab import DeepLabV2
from .dpt import DPT
from .drn import DRN
from .mobilenet import MobileNetV2
from .prompted_clip import PromptedClipVisual
from .resnet import ResNet
from .swin import Swin
from .timm import TimmBackbone
from .towers import Towers
from .vit import ViT
from .weights import load_backbone_weights

__all__ = [
    "DPT",
    "DRN",
    "BesideClip",
    "ClipFeatures",
    "ClipVisual",
    "ConvNet",
    "DeepLabV2",
    "MobileNetV2",
    "PromptedClipVisual",
    "ResNet",
    "Swin",
    "TimmBackbone",
    "Towers",
    "ViT",
    "build_backbone",
    "load_backbone_weights",
]
