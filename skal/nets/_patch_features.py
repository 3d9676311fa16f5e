"""PatchFeatures: images as the patches in them, by kinds that k-means found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.cluster import MiniBatchKMeans
from sklearn.utils.validation import check_is_fitted

from skal._checks import check_above_zero, check_int
from skal._seed import as_random_state, draw_seed
from skal.nets._device import choose_device
from skal.nets._inputs import read
from skal.nets._layout import as_images
from skal.nets._patches import PatchMaps, drawn_patches, one_contrast, zca

if TYPE_CHECKING:
    from typing import Any, Self

    from numpy.typing import NDArray

#: What is added to a patch's variance, in units of the mean one: flat patches stay so.
_FLAT = 0.01
#: Distances that are held at a time: more leave the cache of a processor.
_AT_ONCE = 2**19
_AT_ONCE_ON_GPU = 2**26


class PatchFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Features of images from the pool itself: which kinds of patches are where.

    Small patches are cut from the images, brought to one brightness and contrast,
    whitened, and grouped by k-means: edges, strokes and blobs of colour. An image is
    then described by how near its patches are to each centre :math:`c_k`, where
    :math:`x` is a patch, and only what is nearer than the mean counts:

    .. math:: f_k(x) = \max\Bigl(0, \frac{1}{K} \sum_j \lVert x - c_j \rVert
        - \lVert x - c_k \rVert\Bigr)

    summed over the quarters of the image. It takes no labels and no training of a
    network, and the classes lie apart more than in pixels: so for few labels, and for
    the strategies that look at distances.

    Parameters
    ----------
    n_clusters : int, default=100
        Kinds of patches. Time grows in proportion; 64 did as well on digits.
    patch_size : int, default=6
        Height and width of a patch, in pixels.
    pool : int, default=2
        Over how many parts of the height, and of the width, features are summed.
    whiten : float, default=0.1
        What is added to the variances of patches before they are brought to 1; less
        brings out finer detail, and noise.
    n_patches : int, default=60000
        Patches that the kinds are learned from.
    input_shape : tuple of int, default=None
        The shape (C, H, W) of one image, for rows that come flat. None takes flat rows
        as square images of one channel.
    device : str, default="auto"
        Where to compute; "auto" takes a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Draws the patches, and the start of k-means.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, C * patch_size ** 2) and float32
        The whitened patch in the middle of each kind.
    whitening_ : ndarray of shape (C * patch_size ** 2, C * patch_size ** 2) and float32
        What whitens patches of one brightness and contrast, after their mean is taken
        off.
    patch_mean_ : ndarray of shape (C * patch_size ** 2,) and float32
        That mean.
    flat_variance_ : float
        What is added to the variance of a patch before it is brought to 1, so that the
        noise of flat ones does not become a pattern.
    n_features_in_ : int
        How many features X had, where it had flat rows.
    feature_names_in_ : ndarray of str
        Their names, where X had names.

    See Also
    --------
    FrozenBackbone : Features of a network that has seen other images, better still.
    sklearn.decomposition.PCA : Features of pixels.

    Notes
    -----
    Images (n, C, H, W) or (n, H, W), arrays of any kind or torch data sets, are read a
    batch at a time. uint8 is scaled to [0, 1], though scale and brightness of the pool
    make no difference. The features of an image do not depend on its neighbours.

    Cost: for each image, position and kind, ``C * patch_size ** 2`` products and a
    root; memory of some MB beyond the features, 4 bytes each. Of ``n_patches`` the fit
    holds a few copies: 26 MB each for the default and colour.

    Features are sums over many positions: bring them to one scale, by scikit-learn's
    ``StandardScaler``, before anything that looks at distances.

    References
    ----------
    .. [1] Coates, A., Lee, H., Ng, A. Y. (2011). An analysis of single-layer networks
       in unsupervised feature learning. AISTATS.

    .. [2] Coates, A., Ng, A. Y. (2012). Learning feature representations with k-means.
       Neural Networks: Tricks of the Trade. doi:10.1007/978-3-642-35289-8_30

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import Normalizer, StandardScaler
    >>> from skal import ActiveLearner
    >>> from skal.nets import PatchFeatures
    >>> X, y = load_digits(return_X_y=True)
    >>> kinds = PatchFeatures(32, patch_size=4, n_patches=5000, random_state=0)
    >>> prepare = make_pipeline(kinds, StandardScaler(), Normalizer())
    >>> E = prepare.fit_transform(X[:600])  # of the pool, without labels
    >>> head = LogisticRegression(C=10)
    >>> learner = ActiveLearner(head, "typiclust", n_labels=20, random_state=0)
    >>> score = learner.fit(E, y[:600]).score(prepare.transform(X[600:]), y[600:])
    """

    # Of what nets read, this reads images alone.
    module = None
    keep_integers = False
    num_workers = 0

    def __init__(
        self,
        n_clusters: int = 100,
        *,
        patch_size: int = 6,
        pool: int = 2,
        whiten: float = 0.1,
        n_patches: int = 60_000,
        input_shape: tuple[int, ...] | None = None,
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.patch_size = patch_size
        self.pool = pool
        self.whiten = whiten
        self.n_patches = n_patches
        self.input_shape = input_shape
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the kinds of patches that images consist of.

        Parameters
        ----------
        X : array-like of shape (n, H, W), (n, C, H, W) or (n, n_features), or Dataset
            The images, none of them labelled.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        ValueError
            If X holds no images, or images too small for a patch in each part.
        """
        self._check_params()
        inputs = self._read(X, None)
        self._check_size(inputs.layout.shape)
        rng = as_random_state(self.random_state)
        patches = drawn_patches(inputs, self.patch_size, self.n_patches, rng)
        self.flat_variance_ = _FLAT * float(patches.var(1, correction=0).mean())
        patches = one_contrast(patches, self.flat_variance_, dim=1).numpy()
        mean, whitening = zca(patches, self.whiten)
        kmeans = MiniBatchKMeans(
            self.n_clusters,
            n_init=1,
            max_iter=30,
            batch_size=4096,
            random_state=draw_seed(rng),
        ).fit((patches - mean) @ whitening)
        self.patch_mean_, self.whitening_ = mean, whitening
        self.cluster_centers_ = kmeans.cluster_centers_
        self._layout = inputs.layout
        self._patch_size, self._n_parts = self.patch_size, self.pool
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the features of each image.

        Parameters
        ----------
        X : array-like of shape (n, H, W), (n, C, H, W) or (n, n_features), or Dataset
            The images, of the size of those of ``fit``.

        Returns
        -------
        ndarray of shape (n, n_clusters * pool ** 2) and float32
            The features: maps of ``pool`` by ``pool`` for one kind after the other.
        """
        check_is_fitted(self)
        device = choose_device(self.device)
        inputs = self._read(X, self._layout)
        learned = self.cluster_centers_, self.whitening_, self.patch_mean_
        maps = PatchMaps(*learned, self.flat_variance_, device)
        at_once = self._images_at_once(device)
        features = np.empty((len(inputs), self._n_features_out), np.float32)
        done = 0
        for batch in inputs.batches(device):
            for images in batch.split(at_once):
                found = maps(images, self._patch_size, self._n_parts)
                features[done : done + len(images)] = found.cpu().numpy()
                done += len(images)
        return features

    def _images_at_once(self, device):
        """Return how many images are described at a time."""
        room = _AT_ONCE if device.type == "cpu" else _AT_ONCE_ON_GPU
        _, height, width = self._layout.shape
        places = (height - self._patch_size + 1) * (width - self._patch_size + 1)
        return max(1, room // (places * len(self.cluster_centers_)))

    @property
    def _n_features_out(self):
        """The number of features, which scikit-learn's mixin gives names."""
        return len(self.cluster_centers_) * self._n_parts**2

    def _check_params(self):
        """Refuse parameters that fit no images at all."""
        for name in ("n_clusters", "patch_size", "pool", "n_patches"):
            check_int(name, getattr(self, name))
        check_above_zero("whiten", self.whiten)
        choose_device(self.device)
        if self.n_patches < self.n_clusters:
            raise ValueError(
                f"n_patches must be at least n_clusters={self.n_clusters}, got "
                f"{self.n_patches!r}. A hundred patches a kind are a good number."
            )

    def _check_size(self, shape):
        """Refuse images with no place for a patch in each part."""
        side = min(shape[1:])
        if self.patch_size > side:
            raise ValueError(
                f"patch_size must be at most {side}, the smaller side of the images, "
                f"got {self.patch_size!r}."
            )
        if self.pool > side - self.patch_size + 1:
            raise ValueError(
                f"pool must be at most {side - self.patch_size + 1}, the places of a "
                f"patch along the smaller side of the images, got {self.pool!r}."
            )

    def _read(self, X, layout):
        """Read images."""
        return read(self, X, lambda shape: as_images(shape, self.input_shape), layout)

    def __sklearn_tags__(self):
        """Say that it reads images, of tables only those that are such, and float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
