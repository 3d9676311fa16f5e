"""Images to try active learning on, and your own folders of images."""

from skal.datasets._cifar10 import fetch_cifar10
from skal.datasets._digits import load_digits_images
from skal.datasets._embed_to import embed_to
from skal.datasets._folder import load_image_folder
from skal.datasets._image_sizes import size_within as size_within  # for experiments
from skal.datasets._mnist import fetch_mnist
from skal.datasets._shapes import make_shapes

__all__ = [
    "embed_to",
    "fetch_cifar10",
    "fetch_mnist",
    "load_digits_images",
    "load_image_folder",
    "make_shapes",
]
