"""A second opinion on every proposal, by CLIP's image tower (ZegFormer, arXiv 2112.07910)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import open_clip
import torch
from open_clip.model import get_model_preprocess_cfg
from torch import Tensor, nn
from torch.nn import functional as F

from ..backbone import ClipVisual
from ..naming.text_space import class_matrix
from ..registry import REFINER_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..scene import Scene
from ..text import TextBank
from .crops import Crops, SquareBoxes, tight_boxes
from .fusion import FUSION_REGISTRY
from .looks import CropLook, DenseLook
from .proposal_filter import ProposalFilter


@REFINER_REGISTRY.register()
class ClipSecondLook(nn.Module):
    """
    Names proposals again by what they look like to CLIP, and fuses that with what the model says.

    Almost the whole cost is CLIP's image tower: one pass a proposal (`CropLook`) or one pass an
    image (`DenseLook`). CLIP is frozen and this is for prediction only; nothing here has weights of
    its own.

    Args:
        clip: gives the scale of the logits, exp(logit_scale). Not registered: its weights are
            saved, moved and counted with the text encoder, which owns it.
        look: (images, masks, looked (B, N) bool) -> (B, N, D), CLIP's embeddings of proposals.
        text: what they are compared with.
        fusion: (logits (B, N, K+1), CLIP's logits (B, N, K), is_seen) -> scores (B, N, K).
        pixel_mean, pixel_std: of CLIP's images, 0..255.
        proposals: which proposals CLIP is asked about. Those left out score 0; duplicates have
            the opinion on what represents them.
    """

    looks_with_clip = True  # so the text encoder keeps CLIP's image tower
    clip: open_clip.CLIP
    pixel_mean: Tensor
    pixel_std: Tensor

    @configurable
    def __init__(
        self,
        *,
        clip: open_clip.CLIP,
        look: Callable[[Tensor, Tensor, Tensor], Tensor],
        text: TextBank,
        fusion: nn.Module,
        pixel_mean: Sequence[float],
        pixel_std: Sequence[float],
        proposals: ProposalFilter | None = None,
    ) -> None:
        super().__init__()
        object.__setattr__(self, "clip", clip)  # past nn.Module, which would register it
        self.look = look
        self.text = text
        self.fusion = fusion
        self.proposals = proposals or ProposalFilter()
        self.register_buffer("pixel_mean", torch.tensor(pixel_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(pixel_std).view(3, 1, 1), persistent=False)

    @classmethod
    def from_config(cls, cfg: CfgNode, text: TextBank) -> dict[str, Any]:
        options = cfg.MODEL.SECOND_LOOK
        own_text = text.with_templates(options.TEMPLATES)
        clip = text.encoder.model
        statistics = get_model_preprocess_cfg(clip)
        return {
            "clip": clip,
            "look": _look(options, clip, text.dim),
            "text": own_text,
            "fusion": FUSION_REGISTRY.get(options.FUSION)(cfg),
            "pixel_mean": [255 * value for value in statistics["mean"]],
            "pixel_std": [255 * value for value in statistics["std"]],
            "proposals": ProposalFilter.from_config(cfg),
        }

    @torch.no_grad()
    def forward(self, logits: Tensor, scene: Scene) -> Tensor:
        """
        Args:
            logits: (B, N, K+1), void last.
            scene: its regions have mask logits (B, N, H, W) at the padded size of its images.

        Returns:
            Tensor: (B, N, K) scores without void.

        Raises:
            ValueError: regions without masks of the images' size.
        """
        masks, size = scene.regions.masks, scene.images.padded_size
        if masks is None or masks.shape[-2:] != size:
            got = "there are none" if masks is None else f"they have {tuple(masks.shape[-2:])}"
            raise ValueError(
                f"ClipSecondLook needs mask logits at the padded input size {size}, but {got}; "
                "it works on proposals (MODEL.GROUPING.NAME MaskProposals) in RegionReadout."
            )
        kept, representative = self.proposals(masks, logits.softmax(-1)[..., -1])
        asked = torch.zeros_like(kept).scatter(1, representative, True) & kept
        opinions = self.clip_logits(scene, masks, asked)
        opinions = opinions.take_along_dim(representative[..., None], 1)
        return self.fusion(logits, opinions, scene.is_seen) * kept[..., None]

    def clip_logits(self, scene: Scene, masks: Tensor, looked: Tensor) -> Tensor:
        """(B, N, K), scaled cosines of proposals and names; 0 where CLIP did not look."""
        names = class_matrix(self.text(scene.vocabularies), self.text.dim)
        images = scene.images.normalised(self.pixel_mean, self.pixel_std)
        features = F.normalize(self.look(images, masks, looked), dim=-1)
        return self.clip.logit_scale.exp() * features @ names.mT


def _look(options: CfgNode, clip: open_clip.CLIP, dim: int) -> CropLook | DenseLook:
    if options.MODE == "one_pass":
        return DenseLook(ClipVisual(visual=clip.visual), options.IMAGE_SIZE)
    if options.MODE != "crops":
        raise ValueError(
            f"MODEL.SECOND_LOOK.MODE is {options.MODE!r}; expected 'crops' or 'one_pass'."
        )
    boxes = SquareBoxes(options.MARGIN, options.PAD) if options.SQUARE else tight_boxes
    size = clip.visual.image_size
    side = size if isinstance(size, int) else size[0]
    return CropLook(clip.visual, dim, Crops(side, options.STYLE, boxes), options.BATCH)
