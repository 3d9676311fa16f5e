"""TextEmbedder: texts as the mean of what each of their tokens stands for."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skal._checks import check_int
from skal.nets._files import weights_in
from skal.nets._named_networks import imported

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
#: Texts that are taken apart at a time.
_TEXTS = 1024


class TextEmbedder(TransformerMixin, BaseEstimator):
    """The mean of the embeddings of a text's tokens, as features of the text.

    The table of embeddings is part of a language model, made so that texts that mean
    alike come close: with few labels that is worth more than counts of words, whose
    weights have to be learned one by one. There is nothing to fit, and 10 000 short
    texts take seconds.

    Parameters
    ----------
    weights : path-like, default=None
        A safetensors file of one table (n_tokens, n_features), as WordLlama and
        Model2Vec write. None takes WordLlama's, which comes with ``skal[pretrained]``.
    tokenizer : path-like, default=None
        A file of the package ``tokenizers``, by which the table's rows are counted.
        None takes WordLlama's, and is for ``weights=None`` alone.
    n_features : int, default=None
        How many features to keep, the first; None keeps all. WordLlama's 256 are in the
        order of what they are worth: 64 or 128 do nearly as well.

    See Also
    --------
    FrozenBackbone : Features of images and of other rows.
    skal.datasets.embed_to : Writes features of a pool to a file, in one pass.

    Notes
    -----
    An empty text is all zeros. The order of words does not count. The texts of a pool
    may be told apart better at unit length: put scikit-learn's ``Normalizer`` behind
    it.

    References
    ----------
    D. L. Miller, WordLlama: Recycled Token Embeddings from Large Language Models, 2024,
    https://github.com/dleemiller/wordllama.

    Examples
    --------
    >>> from skal.nets import TextEmbedder
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> texts = ["a fine day", "the sun is out", "rain again", "a wet, cold storm"]
    >>> model = make_pipeline(TextEmbedder(), LogisticRegression())
    >>> model.fit(texts, ["sun", "sun", "rain", "rain"])  # doctest: +SKIP
    """

    def __init__(
        self,
        weights: str | PathLike[str] | None = None,
        tokenizer: str | PathLike[str] | None = None,
        *,
        n_features: int | None = None,
    ) -> None:
        self.weights = weights
        self.tokenizer = tokenizer
        self.n_features = n_features

    def fit(self, X: Any, y: Any = None) -> TextEmbedder:
        """Do nothing: there is nothing to learn.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            Ignored.
        y : object, default=None
            Ignored.

        Returns
        -------
        self : object
            The transformer.
        """
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the features of each text.

        Parameters
        ----------
        X : array-like of str of shape (n_texts,)
            The texts.

        Returns
        -------
        ndarray of shape (n_texts, n_features) and float32
            The features.
        """
        texts = as_texts(X)
        table, tokenizer = self._read()
        features = np.zeros((len(texts), table.shape[1]), np.float32)
        for start in range(0, len(texts), _TEXTS):
            some = texts[start : start + _TEXTS]
            for i, found in enumerate(
                tokenizer.encode_batch(some, add_special_tokens=False), start
            ):
                if found.ids:
                    features[i] = table[found.ids].mean(axis=0)
        return features

    def _read(self):
        """Return the table and the tokenizer, read once for each pair of files."""
        files = self._files()
        asked = *map(os.fspath, files), self.n_features
        if self.__dict__.get("_known", (None,))[0] != asked:
            table = table_in(files[0], self.n_features)
            tokenizer = imported("tokenizers", "skal[pretrained]", "embedder")
            try:
                reader = tokenizer.Tokenizer.from_file(os.fspath(files[1]))
            except Exception as error:  # the package knows no other kind
                raise ValueError(
                    "tokenizer must be a file of the package tokenizers, got "
                    f"{os.fspath(files[1])!r}: {error}."
                ) from error
            reader.no_padding()
            reader.no_truncation()
            check_tokens(reader, table)
            self._known = asked, (table, reader)
        return self._known[1]

    def _files(self):
        """Return the files of table and tokenizer."""
        if (self.weights is None) != (self.tokenizer is None):
            raise ValueError(
                "weights and tokenizer must be given together, or neither, got "
                f"weights={self.weights!r} and tokenizer={self.tokenizer!r}. The rows "
                "of a table are counted by its own tokenizer."
            )
        if self.weights is not None:
            return self.weights, self.tokenizer
        # Its files alone: imported, it sets up logging for the whole process.
        package = find_spec("wordllama")
        if package is None or not package.submodule_search_locations:
            raise ImportError(
                "TextEmbedder() needs wordllama. Install it: "
                "pip install 'skal[pretrained]'; or name files of your own."
            )
        folder = Path(package.submodule_search_locations[0])
        return folder / _WEIGHTS, folder / _TOKENIZER

    def __sklearn_is_fitted__(self) -> bool:
        """There is nothing to fit."""
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Leave the table behind, which its file brings back."""
        return {k: v for k, v in self.__dict__.items() if k != "_known"}

    def __sklearn_tags__(self):
        """Say that it reads texts, without a fit."""
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def as_texts(X):
    """Return texts as a list."""
    if isinstance(X, str):
        raise ValueError(
            f"X must be a list of texts, got one, {X!r}. Put it in a list."
        )
    X = np.asarray(X, dtype=object)
    if X.ndim == 2 and X.shape[1] == 1:  # a column of a frame
        X = X[:, 0]
    if X.ndim != 1:
        raise ValueError(f"X must hold a text a row, got shape {X.shape}.")
    strange = next((one for one in X if not isinstance(one, str)), None)
    if strange is not None or None in X:
        raise TypeError(
            f"X must hold texts alone, got {type(strange).__name__} {strange!r}. "
            "Write '' where there is none."
        )
    return X.tolist()


def table_in(file, n_features):
    """Return the table of a safetensors file, as (n_tokens, n_features) float32."""
    tables = [one for one in weights_in(file, safe=True).values() if one.ndim == 2]
    if len(tables) != 1:
        raise ValueError(
            f"weights must be a file of one table (n_tokens, n_features), got "
            f"{len(tables)} in {os.fspath(file)!r}."
        )
    table = tables[0]
    width = table.shape[1]
    if n_features is not None and check_int("n_features", n_features) > width:
        raise ValueError(
            f"n_features must be at most {width}, what the table has, got "
            f"{n_features!r}."
        )
    return table[:, :n_features].float().numpy()


def check_tokens(reader, table):
    """Refuse a tokenizer that counts further than the table has rows."""
    if reader.get_vocab_size() > len(table):
        raise ValueError(
            f"tokenizer must be that of the table, which has {len(table)} rows, got "
            f"one of {reader.get_vocab_size()} tokens."
        )
