"""Detectron2's names and contracts on fvcore and iopath, as far as zs3 uses them. Plumbing only."""
