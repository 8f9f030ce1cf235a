"""Models: one file each, a Spec and `predict`; the catalogue runs any of them."""
