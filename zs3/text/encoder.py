"""Text encoders turn prompts into embeddings. CLIP's is here; tables have their own files."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Sequence
from itertools import chain
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from ..nearest import quoted
from ..registry import REFINER_REGISTRY, TEXT_ENCODER_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import Vocabulary
from .clip import Tokenizer, brings_weights, configured_clip


class TextEncoder(nn.Module):
    """
    What a `TextBank` asks of an encoder.

    Attributes:
        dim: width D of the embeddings.
        reads_templates: whether it reads sentences; False if it knows names only.
    """

    dim: int
    reads_templates: bool = True

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """M prompts -> (M, D), not normalised; a table may hold P embeddings a name: (M, P, D)."""
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides what `forward` returns, the same on every machine."""
        raise NotImplementedError

    def words(self, vocabulary: Vocabulary) -> Sequence[tuple[str, ...]]:
        """What each class may be called in front of this encoder, the usual word first."""
        return vocabulary.synonyms

    @property
    def frozen(self) -> bool:
        """Whether training leaves the encoder as it is."""
        return not any(parameter.requires_grad for parameter in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the embeddings are computed."""
        return next(self._tensors()).device

    @property
    def stamp(self) -> Hashable:
        """Differs from an earlier one if weights were changed, loaded or moved since. Cheap."""
        # Tensors made in inference mode count no versions.
        return self.device, *(
            (t.data_ptr(), 0 if t.is_inference() else t._version) for t in self._tensors()
        )

    def _tensors(self) -> Iterator[Tensor]:
        return chain(self.parameters(), self.buffers())


@TEXT_ENCODER_REGISTRY.register()
class OpenClipText(TextEncoder):
    """
    The text tower of an open_clip model. The model may keep its image tower for parts that look at
    images with the same CLIP; that one is never trained here.

    Args:
        model, tokenizer: as `load_clip` returns them.
        frozen: do not train the text tower.
        restored_from_source: its weights are found again when the model is built anew, so that
            checkpoints leave a frozen one out.
    """

    @configurable
    def __init__(
        self,
        *,
        model: open_clip.CLIP,
        tokenizer: Tokenizer,
        frozen: bool = True,
        restored_from_source: bool = False,
    ) -> None:
        super().__init__()
        self.restored_from_source = frozen and restored_from_source
        self.model = model
        self.tokenizer = tokenizer
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(not frozen and _is_text(name))
        self.train()
        with torch.no_grad():
            nothing = torch.zeros(1, model.context_length, dtype=torch.long, device=self.device)
            self.dim = model.encode_text(nothing).shape[1]

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        model, tokenizer = configured_clip(cfg)
        refiners = [REFINER_REGISTRY.get(refiner) for refiner in cfg.MODEL.REFINERS]
        if not any(getattr(refiner, "looks_with_clip", False) for refiner in refiners):
            del model.visual
        restored = brings_weights(cfg.MODEL.CLIP.NAME, cfg.MODEL.CLIP.PRETRAINED)
        return {
            "model": model,
            "tokenizer": tokenizer,
            "frozen": cfg.MODEL.TEXT.FROZEN,
            "restored_from_source": restored,
        }

    def forward(self, prompts: Sequence[str]) -> Tensor:
        """
        M prompts -> (M, D), not normalised.

        Raises:
            ValueError: a prompt of more tokens than the model reads.
        """
        tokens = tokenize(self.tokenizer, prompts, self.model.context_length)
        return self.model.encode_text(tokens.to(self.device))

    def train(self, mode: bool = True) -> OpenClipText:
        """A frozen tower stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    @property
    def fingerprint(self) -> str:
        merges = getattr(self.tokenizer, "bpe_ranks", None) or type(self.tokenizer).__name__
        digest = hashlib.sha256(repr(merges).encode())
        for name, part in self.model.named_children():
            if _is_text(f"{name}."):  # Weights do not tell activations and the number of heads.
                heads = [m.num_heads for m in part.modules() if hasattr(m, "num_heads")]
                digest.update(f"{name} {part} {heads}".encode())
        for name, tensor in self.model.state_dict().items():
            if _is_text(name):
                digest.update(name.encode())
                digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def tokenize(tokenizer: Tokenizer, prompts: Sequence[str], context_length: int) -> Tensor:
    """
    M prompts -> (M, context_length) int64 token ids. open_clip would cut long ones silently.

    Raises:
        ValueError: a prompt of more tokens.
    """
    # One place more than there is: whoever fills it is too long.
    tokens = tokenizer(list(prompts), context_length=context_length + 1)
    hugging_face = getattr(tokenizer, "tokenizer", None)
    padding = 0 if hugging_face is None else hugging_face.pad_token_id
    too_long = (tokens[:, context_length] != padding).nonzero().flatten().tolist()
    if too_long:
        raise ValueError(
            f"the prompt {quoted(prompts[too_long[0]])} has more than the {context_length} tokens "
            f"that the text encoder reads (so have {len(too_long) - 1} others); shorten it."
        )
    return tokens[:, :context_length]


def _is_text(name: str) -> bool:
    """Whether a tensor of a CLIP belongs to the text tower."""
    return not name.startswith(("visual.", "logit_"))
