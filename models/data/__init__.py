"""Data for models: the digits that ship with scikit-learn, and image files by path. Nothing is downloaded."""

from thermofab.models.data.digits import digits
from thermofab.models.data.images import BitImages, load_images, to_bits

__all__ = ["BitImages", "digits", "load_images", "to_bits"]
