"""
The text bank: names in, embeddings out, each computed once.

Prompt ensembles follow CLIP and ZegFormer (arXiv 2112.07910): every template is filled with every
synonym, every prompt's embedding is scaled to unit length, their mean is taken and scaled to unit
length again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from tqdm import tqdm

from ..files import write_atomically
from ..registry import TEXT_ENCODER_REGISTRY
from ..runtime.config import CfgNode, configurable
from ..vocabulary import Vocabulary
from .encoder import TextEncoder
from .templates import fill, get_templates

Classes = tuple[tuple[str, ...], ...]  # the words for each class

_PROMPTS_A_PASS = 256
_PROMPTS_WORTH_A_BAR = 1024
_VOCABULARIES_REMEMBERED = 128
_logger = logging.getLogger(__name__)


class TextBank(nn.Module):
    """
    Vocabularies -> text embeddings.

    Each vocabulary is embedded once, as a whole, so that its embeddings depend on it alone and not
    on what was asked before. They are forgotten when the encoder's weights change. An encoder that
    is being trained is asked every time.

    Args:
        encoder: prompts -> embeddings.
        templates: a set's name or templates (`get_templates`); an encoder that reads no sentences
            ignores them.
        synonyms: "first" says only the usual word of a class, "all" says every one.
        ensemble: average the templates, so that P = 1; otherwise only the synonyms within each
            template.
        normalize: scale every prompt's embedding, and every average, to unit length.
        cache_dir: keep the embeddings of frozen encoders in this directory from run to run; None
            for in memory only.
        owns_encoder: register the encoder as this bank's submodule. Of the banks that share one,
            exactly one owns it.

    Attributes:
        dim: width D of the embeddings.
    """

    @configurable
    def __init__(
        self,
        encoder: TextEncoder,
        *,
        templates: str | Iterable[str] = "single",
        synonyms: str = "all",
        ensemble: bool = True,
        normalize: bool = True,
        cache_dir: str | Path | None = None,
        owns_encoder: bool = True,
    ) -> None:
        super().__init__()
        if synonyms not in ("first", "all"):
            raise ValueError(f'synonyms is {synonyms!r}; expected "first" or "all".')
        if owns_encoder:
            self.encoder = encoder
        else:  # Past nn.Module: weights are saved, moved and counted with their owner alone.
            object.__setattr__(self, "encoder", encoder)
        self.templates = get_templates(templates) if encoder.reads_templates else ("{}",)
        self.synonyms = synonyms
        self.ensemble = ensemble
        self.normalize = normalize
        self.cache_dir = None if cache_dir is None else Path(cache_dir)
        self._remembered: dict[Classes, Tensor] = {}  # least recently used first
        self._stamp: Hashable = None

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        text = cfg.MODEL.TEXT
        return {
            "encoder": TEXT_ENCODER_REGISTRY.get(text.ENCODER)(cfg),
            "templates": text.TEMPLATES,
            "synonyms": text.SYNONYMS,
            "ensemble": text.ENSEMBLE,
            "normalize": text.NORMALIZE,
            "cache_dir": text.CACHE_DIR or None,
        }

    @property
    def dim(self) -> int:
        return self.encoder.dim

    def with_templates(self, templates: str | Iterable[str]) -> TextBank:
        """
        A bank that asks the same encoder with other prompts, all else being equal. The encoder
        stays this bank's.

        Raises:
            ValueError: the encoder reads no prompts.
        """
        if not self.encoder.reads_templates:
            raise ValueError(
                f"{type(self.encoder).__name__} looks names up and reads no prompts; parts that "
                "ask CLIP a second time need MODEL.TEXT.ENCODER OpenClipText."
            )
        return TextBank(
            self.encoder,
            templates=templates,
            synonyms=self.synonyms,
            ensemble=self.ensemble,
            normalize=self.normalize,
            cache_dir=self.cache_dir,
            owns_encoder=False,
        )

    def forward(self, vocabularies: Sequence[Vocabulary]) -> Tensor:
        """
        Args:
            vocabularies: one for all images, or B of one size.

        Returns:
            Tensor: (K, P, D) for one vocabulary or several equal ones, else (B, K, P, D).

        Raises:
            ValueError: no vocabularies, or of different sizes.
        """
        sizes = sorted({len(vocabulary) for vocabulary in vocabularies})
        if len(sizes) != 1:
            raise ValueError(f"expected vocabularies of one size, but got sizes {sizes}.")
        classes = [self._words(vocabulary) for vocabulary in vocabularies]
        text = {words: self._embed(words) for words in dict.fromkeys(classes)}
        return text[classes[0]] if len(text) == 1 else torch.stack([text[w] for w in classes])

    def train(self, mode: bool = True) -> TextBank:
        """Training an encoder makes what was remembered stale."""
        if mode and not self.encoder.frozen:
            self._remembered.clear()
        super().train(mode)
        return self

    def _words(self, vocabulary: Vocabulary) -> Classes:
        every = self.encoder.words(vocabulary)
        return tuple(words if self.synonyms == "all" else words[:1] for words in every)

    def _embed(self, classes: Classes) -> Tensor:
        """K classes -> (K, P, D), from memory if what is there still holds."""
        if self.training and not self.encoder.frozen:
            return self._encode(classes)
        if self._stamp != self.encoder.stamp:
            self._remembered.clear()
            self._stamp = self.encoder.stamp
        text = self._remembered.pop(classes, None)
        if text is None:
            # What is remembered must not depend on who asks first: an evaluation in inference mode
            # (whose tensors training could not use) or a training step in half precision.
            in_full = torch.autocast(self.encoder.device.type, enabled=False)
            with torch.inference_mode(False), torch.no_grad(), in_full:
                text = self._stored(classes)
        self._remembered[classes] = text
        if len(self._remembered) > _VOCABULARIES_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return text

    def _stored(self, classes: Classes) -> Tensor:
        """`_encode`, by way of the disk if there is a `cache_dir`."""
        if self.cache_dir is None:
            return self._encode(classes)
        options = [self.encoder.fingerprint, self.templates, self.ensemble, self.normalize, classes]
        key = hashlib.sha256(json.dumps(options).encode()).hexdigest()
        path = self.cache_dir / f"text-{key[:40]}.safetensors"
        try:
            return load_file(path)["text"].to(self.encoder.device)
        except FileNotFoundError:
            pass
        except SafetensorError as error:
            _logger.warning("%s is damaged (%s) and will be made again.", path, error)
        text = self._encode(classes)
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save({"text": text.cpu().contiguous()}))
        return text

    def _encode(self, classes: Classes) -> Tensor:
        """K classes -> (K, P, D), from the encoder."""
        prompts: list[str] = []
        slots: list[int] = []  # which average a prompt goes into
        averages = 1 if self.ensemble else len(self.templates)
        for k, words in enumerate(classes):
            for t, template in enumerate(self.templates):
                prompts += [fill(template, word) for word in words]
                slots += [k * averages + t % averages] * len(words)

        sums = torch.empty(0)
        starts = range(0, len(prompts), _PROMPTS_A_PASS)
        is_short = len(prompts) < _PROMPTS_WORTH_A_BAR
        for start in tqdm(starts, "embedding names", leave=False, disable=is_short):
            part = slice(start, start + _PROMPTS_A_PASS)
            embeddings = self._scaled(self.encoder(prompts[part]).float())
            embeddings = embeddings.reshape(len(embeddings), -1, self.dim)
            if start == 0:
                sums = embeddings.new_zeros(len(classes) * averages, *embeddings.shape[1:])
            sums.index_add_(0, torch.tensor(slots[part], device=sums.device), embeddings)

        text = sums / torch.tensor(slots, device=sums.device).bincount().view(-1, 1, 1)
        text = text.view(len(classes), -1, self.dim)
        return self._scaled(text.mean(1, keepdim=True) if self.ensemble else text)

    def _scaled(self, embeddings: Tensor) -> Tensor:
        return F.normalize(embeddings, dim=-1) if self.normalize else embeddings


def build_text_bank(cfg: CfgNode) -> TextBank:
    """The bank that MODEL.TEXT (and MODEL.CLIP) describes."""
    return TextBank(cfg)
