"""Detectron2's names and contracts on fvcore, as far as zs3 uses them. Plumbing only."""
