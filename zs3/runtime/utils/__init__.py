"""`detectron2.utils`: what zs3 uses of it."""
