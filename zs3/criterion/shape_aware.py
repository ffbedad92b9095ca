"""SAZS's losses (arXiv 2304.08491, section 3.2): classes of pixels, and boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..regions import Regions
from ..registry import CRITERION_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import IGNORE
from .edges import balanced_edge_loss, edge_attention_loss
from .inverse_form import InverseForm


@CRITERION_REGISTRY.register()
class ShapeAware(nn.Module):
    """
    Cross-entropy of the cells of the grid; and an edge head, which exists in training only, with a
    balanced cross-entropy, with more attention to the classes at what it takes for edges, and with
    InverseForm.

    Labels are taken at the top left pixel of every cell.

    Args:
        dim: width C of the regions' embeddings, which the edge head reads.
        class_weight, edge_weight, attention_weight, inverse_weight: of the four losses.
        inverse_form: where it is left out, so is its loss.
    """

    needs_void = False

    @configurable
    def __init__(
        self,
        *,
        dim: int,
        class_weight: float = 1.0,
        edge_weight: float = 0.3,
        attention_weight: float = 0.1,
        inverse_weight: float = 0.3,
        inverse_form: InverseForm | None = None,
    ) -> None:
        super().__init__()
        self.edge_head = nn.Conv2d(dim, 1, 1)
        self.inverse_form = inverse_form
        self.weights = {
            "loss_ce": class_weight,
            "loss_edge": edge_weight,
            "loss_attention": attention_weight,
            "loss_inverse": inverse_weight,
        }

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        """
        Raises:
            ValueError: MODEL.CRITERION.INVERSE_WEIGHT without weights for the regressor.
        """
        c = cfg.MODEL.CRITERION
        inverse_form = None
        if c.INVERSE_WEIGHT:
            if not c.INVERSE_FORM:
                raise ValueError(
                    f"MODEL.CRITERION.INVERSE_WEIGHT is {c.INVERSE_WEIGHT}, but InverseForm has no "
                    "weights: name distance_measures_regressor.pth in MODEL.CRITERION.INVERSE_FORM."
                )
            inverse_form = InverseForm.of_file(c.INVERSE_FORM, c.INVERSE_SHOWS)
        return {
            "dim": c.EDGE_DIM,
            "class_weight": c.CLASS_WEIGHT,
            "edge_weight": c.EDGE_WEIGHT,
            "attention_weight": c.ATTENTION_WEIGHT,
            "inverse_weight": c.INVERSE_WEIGHT,
            "inverse_form": inverse_form,
        }

    def forward(
        self, regions: Sequence[Regions], logits: Sequence[Tensor], targets: Tensor
    ) -> dict[str, Tensor]:
        """
        Args:
            regions: groupings into pixels; the last one counts.
            logits: their class logits (B, N, K).
            targets: (B, 2, H, W) int64: labels 0..K-1 or IGNORE, and 1 at edges, as
                OneAgainstOthersWithEdges gives them. Label 0 is "others"; several classes are as
                many questions, each of one class against others.

        Returns:
            dict: weighted scalars loss_ce, loss_edge, loss_attention, and perhaps loss_inverse.

        Raises:
            ValueError: targets without edges.
        """
        if targets.dim() != 4:
            raise ValueError(
                "ShapeAware learns edges, but the labels come without: set MODEL.LABEL_POLICY.NAME "
                "to OneAgainstOthersWithEdges."
            )
        scores = regions[-1].paint(logits[-1]).float()
        edge_logits = self.edge_logits(regions[-1])
        small = at_cells(targets, regions[-1].grid)
        scores, labels = one_by_one(scores, small[:, 0])
        losses = self.losses(scores, edge_logits, labels, small[:, 1] == 1)
        return {name: self.weights[name] * loss for name, loss in losses.items()}

    def edge_logits(self, regions: Regions) -> Tensor:
        """(B, h, w)."""
        return self.edge_head(regions.paint(regions.embeddings))[:, 0].float()

    def losses(
        self, scores: Tensor, edge_logits: Tensor, labels: Tensor, edges: Tensor
    ) -> dict[str, Tensor]:
        """
        Without weights.

        Args:
            scores: (Q B, 2, h, w) logits of the Q questions, those of an image B apart.
            edge_logits: (B, h, w).
            labels: (Q B, h, w) int64.
            edges: (B, h, w) bool.
        """
        questions = len(scores) // len(edge_logits)
        each = F.cross_entropy(scores, labels, ignore_index=IGNORE, reduction="sum")
        losses = {
            "loss_ce": each / (labels != IGNORE).sum().clamp(min=1),
            "loss_edge": balanced_edge_loss(edge_logits, edges),
            "loss_attention": edge_attention_loss(
                scores, labels, edge_logits.repeat(questions, 1, 1)
            )
            / questions,
        }
        if self.inverse_form is not None:
            losses["loss_inverse"] = self.inverse_form(edge_logits, edges)
        return losses


def one_by_one(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """
    Logits (B, 1 + Q, h, w) of others and Q classes, and labels (B, h, w) -> those of Q questions
    (Q B, 2, h, w) and (Q B, h, w), where the label of a class is 1, of all else 0.
    """
    classes = range(1, scores.shape[1])
    pairs = torch.cat([scores[:, [0, k]] for k in classes])
    own = torch.cat([torch.where(labels == IGNORE, labels, (labels == k).long()) for k in classes])
    return pairs, own


def at_cells(maps: Tensor, grid: tuple[int, int]) -> Tensor:
    """(B, C, H, W) integers -> (B, C, h, w), the top left pixel of every cell."""
    return F.interpolate(maps.double(), grid, mode="nearest").long()
