"""Numbers for texts and for mixed columns with gaps, learnt without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Words and pairs of words that are counted at most.
MAX_WORDS = 50_000
#: Values of a column of words that get a column of numbers each.
MAX_VALUES = 30
#: Characters of a text that are looked at: a book says its kind in its first chapters.
MAX_READ = 100_000


def text_features(texts: Sequence[str]) -> Any:
    """Return TF-IDF of words and pairs of words, learnt on all texts.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    CSR matrix of shape (n_texts, n_words)
        Rows of length one, float32.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    rare = 2 if len(texts) >= 1000 else 1
    vectorizer = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        min_df=rare,
        max_features=MAX_WORDS,
        strip_accents="unicode",
        token_pattern=r"(?u)\w+",
        dtype=np.float32,
    )
    texts = [text[:MAX_READ] for text in texts]
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # no word is in any: signs alone, or nothing
        vectorizer.set_params(analyzer="char", token_pattern=None, min_df=1)
        return vectorizer.fit_transform([f" {text}" for text in texts])


def table_features(columns: Mapping[str, Sequence[Any]]) -> Any:
    """Return numbers for the columns of a table.

    Parameters
    ----------
    columns : mapping of str to sequence
        The values of each column, None or NaN where there is none.

    Returns
    -------
    ndarray of shape (n_rows, n_features), float32
        For a column of numbers their ranks, as normal scores, and a mark for gaps; for
        a column of few words a mark for each; for long texts their leading topics.
    """
    parts = [part for column in columns.values() for part in _column(column)]
    n_rows = len(next(iter(columns.values()))) if columns else 0
    if not parts:  # every column is constant
        return np.zeros((n_rows, 1), np.float32)
    return np.column_stack(parts).astype(np.float32)


def _column(values):
    """Return the columns of numbers that say what one column says."""
    gaps = np.array([is_gap(value) for value in values])
    if gaps.all():
        return []
    marks = [gaps.astype(float)] if gaps.any() else []
    numbers = as_numbers(values, gaps)
    if numbers is not None:
        return [_normal_scores(numbers, gaps), *marks]
    words = [
        None if gap else str(value) for value, gap in zip(values, gaps, strict=True)
    ]
    known, counts = np.unique(
        [word for word in words if word is not None], return_counts=True
    )
    if len(known) > max(MAX_VALUES, 0.5 * (~gaps).sum()):
        return [*_topics([word or "" for word in words]), *marks]
    often = known[np.argsort(-counts, kind="stable")[:MAX_VALUES]]
    found = np.array([word if word is not None else "" for word in words])
    return [*((found == word) & ~gaps for word in often), *marks]


def is_gap(value: Any) -> bool:
    """Tell whether a value of a table is missing.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    bool
        Whether there is none.
    """
    if value is None or value == "":
        return True
    return bool(value != value)


def as_numbers(values: Sequence[Any], gaps: Any) -> Any:
    """Return a column as numbers, None where it holds anything else.

    Parameters
    ----------
    values : sequence
        The values.
    gaps : ndarray of bool
        Where there is none.

    Returns
    -------
    ndarray of float or None
        The numbers, NaN in gaps.
    """
    numbers = np.full(len(values), np.nan)
    try:
        for i in np.flatnonzero(~gaps).tolist():
            numbers[i] = float(values[i])
    except (TypeError, ValueError):
        return None
    return numbers


def _normal_scores(numbers, gaps):
    """Return ranks as normal scores: no value is so far off that it rules the rest."""
    from scipy.stats import norm, rankdata

    scores = np.zeros(len(numbers))
    ranks = rankdata(numbers[~gaps])
    scores[~gaps] = norm.ppf(ranks / (len(ranks) + 1))
    return scores


def _topics(texts):
    """Return the leading directions of a column of texts."""
    from sklearn.decomposition import TruncatedSVD

    words = text_features(texts)
    n_topics = min(20, words.shape[1] - 1, len(texts) - 1)
    if n_topics < 1:
        return []
    topics = TruncatedSVD(n_topics, random_state=0).fit_transform(words)
    return list(topics.T * 2)
