"""PyTorch networks as scikit-learn estimators.

Importing this package imports torch; ``import skal`` does not.
"""

from skal.nets._cnn import CNNClassifier
from skal.nets._consistency import Consistency as Consistency
from skal.nets._consistency import fit_consistently as fit_consistently
from skal.nets._dataset_pool import DatasetPool
from skal.nets._frozen import FrozenBackbone
from skal.nets._mlp import MLPNetClassifier
from skal.nets._net import NetClassifier
from skal.nets._patch_features import PatchFeatures
from skal.nets._pseudo_targets import PseudoTargets as PseudoTargets
from skal.nets._regressor import NetRegressor
from skal.nets._resnet import ResNetClassifier
from skal.nets._segmentation import SegmentationNet
from skal.nets._standardize import Standardize

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
]
