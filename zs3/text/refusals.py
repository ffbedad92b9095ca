"""Which names a text encoder cannot embed."""

from __future__ import annotations

import torch

from ..vocabulary import Vocabulary
from .bank import TextBank


def refused_names(bank: TextBank, vocabulary: Vocabulary) -> dict[str, str]:
    """
    Asks for all names at once, and only if that fails for each alone.

    Returns:
        dict: name -> why it is refused; empty if all can be embedded.
    """
    bank.eval()
    if not _refusal(bank, vocabulary):
        return {}
    reasons = {name: _refusal(bank, vocabulary.only([name])) for name in vocabulary.names}
    return {name: reason for name, reason in reasons.items() if reason}


def _refusal(bank: TextBank, vocabulary: Vocabulary) -> str:
    try:
        with torch.inference_mode():
            bank([vocabulary])
    except ValueError as error:
        return str(error)
    return ""
