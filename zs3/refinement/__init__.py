"""What is done to scores after naming: CLIP's second look, the spectral
prior, the bias against seen classes."""

from .build import build_refiners
from .crops import Crops, SquareBoxes, tight_boxes
from .fusion import PublishedFusion, RenormalizedFusion
from .looks import CropLook, DenseLook
from .proposal_filter import ProposalFilter
from .second_look import ClipSecondLook
from .seen_bias import SeenBias
from .spectral import SpectralPrior

__all__ = [
    "ClipSecondLook",
    "CropLook",
    "Crops",
    "DenseLook",
    "ProposalFilter",
    "PublishedFusion",
    "RenormalizedFusion",
    "SeenBias",
    "SpectralPrior",
    "SquareBoxes",
    "build_refiners",
    "tight_boxes",
]
