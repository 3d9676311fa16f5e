"""PyTorch networks as scikit-learn estimators.

Importing this package imports torch; ``import skal`` does not.
"""

from skal.nets._base import Net as Net  # for skal.synthesis
from skal.nets._cnn import CNNClassifier
from skal.nets._consistency import Consistency as Consistency
from skal.nets._consistency import fit_consistently as fit_consistently
from skal.nets._dataset_pool import DatasetPool
from skal.nets._frozen import FrozenBackbone
from skal.nets._layout import as_images as as_images
from skal.nets._mlp import MLPNetClassifier
from skal.nets._module import check_widths as check_widths
from skal.nets._net import NetClassifier
from skal.nets._objective import Objective as Objective
from skal.nets._passes import join as join
from skal.nets._patch_features import PatchFeatures
from skal.nets._pseudo_targets import PseudoTargets as PseudoTargets
from skal.nets._regressor import NetRegressor
from skal.nets._resnet import ResNetClassifier
from skal.nets._segmentation import SegmentationNet
from skal.nets._standardize import Standardize
from skal.nets._text_embedder import TextEmbedder

__all__ = [
    "CNNClassifier",
    "DatasetPool",
    "FrozenBackbone",
    "MLPNetClassifier",
    "NetClassifier",
    "NetRegressor",
    "PatchFeatures",
    "ResNetClassifier",
    "SegmentationNet",
    "Standardize",
    "TextEmbedder",
]
