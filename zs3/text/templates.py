"""
Prompt templates: sentences with a place for a class name.

| set             | templates | who uses it                                                       |
|-----------------|-----------|-------------------------------------------------------------------|
| name            | 1         | the bare name: LSeg, SAZS                                         |
| single          | 1         | ZegCLIP and Cascade-CLIP on VOC                                   |
| single_scene    | 1         | ZegFormer's and CAT-Seg v2's "single"                             |
| multi           | 15        | ZegCLIP and Cascade-CLIP on COCO-Stuff and Context                |
| imagenet        | 80        | CLIP's own for ImageNet; CAT-Seg v1                               |
| imagenet_select | 8         | ZegFormer                                                         |
| clip_scoring    | 32        | ZegFormer's second look; CAT-Seg's "imagenet_select_clip"         |
| vild            | 63        | ViLD; with {article} and {category}                               |
| shapes          | 4         | the Shapes benchmark                                              |
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ..nearest import did_you_mean

_PLACES = ("{}", "{category}")


def get_templates(templates: str | Iterable[str]) -> tuple[str, ...]:
    """
    Args:
        templates: the name of a set; or templates of your own, as a list or in one string with "|"
            between them.

    Returns:
        Templates with "{}" or "{category}" for the name, and perhaps "{article}" for "a" or "an".

    Raises:
        ValueError: an unknown set, no templates, or one without a place for the name.
    """
    if isinstance(templates, str):
        known = _sets()
        if templates in known:
            return known[templates]
        if not any(place in templates for place in _PLACES):
            raise ValueError(
                f"no template set is called {templates!r}; there are {', '.join(known)}, "
                f'or write your own with {{}} for the name: "a photo of a {{}}|the {{}}".'
                + did_you_mean(templates, known)
            )
        templates = templates.split("|")
    chosen = tuple(templates)
    if not chosen:
        raise ValueError("a text bank needs at least one template, but got none.")
    for template in chosen:
        if not any(place in template for place in _PLACES):
            raise ValueError(f"template {template!r} has no {{}} where the class name goes.")
    return chosen


def fill(template: str, name: str) -> str:
    """The prompt for a name: "see {article} {category}" and "owl" give "see an owl"."""
    template = template.replace("{article}", article(name))
    place = next(place for place in _PLACES if place in template)
    return template.replace(place, name)


def article(name: str) -> str:
    """ "an" before a written vowel, else "a", as in ViLD's prompts."""
    return "an" if name[:1].lower() in set("aeiou") else "a"


@cache
def _sets() -> dict[str, tuple[str, ...]]:
    sets = json.loads(Path(__file__).with_name("templates.json").read_text(encoding="utf-8"))
    return {name: tuple(templates) for name, templates in sets.items()}
