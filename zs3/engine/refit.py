"""Another vocabulary for a model that generates features: they alone train its classifier."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import trange

from ..checkpoints.weight_file import WeightFile
from ..criterion import ContextualCriterion, MatchingCriterion
from ..naming import Critic, Linear
from ..runtime.config import CfgNode
from ..runtime.modeling import build_model
from ..segmentor import ZeroShotSegmentor
from ..vocabulary import Vocabulary
from .weights import Fit

# What belongs to a vocabulary.
_OWN = ("naming.classifier.", "naming.linear.", "naming.vectors")


def model_for(cfg: CfgNode, file: WeightFile, vocabulary: Vocabulary) -> ZeroShotSegmentor:
    """
    The model of some weights, with a classifier for a vocabulary that has learned nothing yet.

    Args:
        cfg: with MODEL.NAMING.NUM_CLASSES of the vocabulary.

    Raises:
        ValueError: a model without a generator; or weights that do not fit beside its classifier.
    """
    model = build_model(cfg)
    assert isinstance(model, ZeroShotSegmentor)
    if not isinstance(model.criterion, ContextualCriterion | MatchingCriterion):
        raise ValueError(
            f"{file.path} is of a model that generates no features (MODEL.CRITERION.NAME "
            f"{type(model.criterion).__name__}); one that reads text needs no refitting."
        )
    rest = {key: value for key, value in file.state.items() if not key.startswith(_OWN)}
    fit = Fit.of(model, rest)
    problems = [line for line in fit.problems if not any(own in line for own in _OWN)]
    if problems:
        raise ValueError(f"{file.path} does not fit the model:\n  " + "\n  ".join(problems))
    model.load_state_dict(fit.matched, strict=False)
    model.vocabulary = vocabulary
    return model


def refit(model: ZeroShotSegmentor, *, iterations: int, rows: int = 1024, lr: float = 1e-3) -> None:
    """
    Trains the classifier alone, in place, on features of classes drawn alike (Adam).

    Args:
        rows: features an iteration; they are a grid of one cell each where neighbours are read.
        lr: rate.
    """
    assert model.vocabulary is not None
    assert isinstance(model.criterion, ContextualCriterion | MatchingCriterion)
    text, generator = model.text([model.vocabulary]), model.criterion.generator
    naming = model.naming
    assert isinstance(naming, Critic | Linear)
    head = naming.classifier if isinstance(naming, Critic) else naming.linear
    if isinstance(naming, Critic):
        naming.own(text)
    vectors = text.mean(1)
    draw = torch.randn if generator.bounded else torch.rand
    optimizer = torch.optim.Adam(head.parameters(), lr=lr)
    model.eval()

    def logits(features: Tensor) -> Tensor:
        if isinstance(naming, Critic):
            return naming.classify(features[:, None], (1, 1))[:, 0]
        return naming.linear(features)

    for _ in trange(iterations, desc="refitting"):
        labels = torch.randint(len(vectors), (rows,), device=model.device)
        noise = draw(rows, generator.noise_dim, device=model.device)
        with torch.no_grad():
            features = generator(vectors[labels], noise)
        loss = F.cross_entropy(logits(features), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
