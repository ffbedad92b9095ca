"""Names to embeddings: encoders, prompt templates, and the bank that joins them."""

from .bank import TextBank, build_text_bank
from .clip import build_clip, load_clip
from .encoder import OpenClipText, TextEncoder
from .precomputed import PrecomputedText
from .templates import get_templates
from .word_vectors import WordVectors

__all__ = [
    "OpenClipText",
    "PrecomputedText",
    "TextBank",
    "TextEncoder",
    "WordVectors",
    "build_clip",
    "build_text_bank",
    "get_templates",
    "load_clip",
]
