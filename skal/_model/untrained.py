"""Asking a network once its module is made, before it is trained."""

from contextlib import contextmanager

from sklearn.pipeline import Pipeline


@contextmanager
def asked_before_training(estimator, ask):
    """Let a net fail before any step where ``ask(net, X)`` fails, X being a blank row.

    Only a module that is made can be asked, and it is made in fit, for rows of some
    shape: skorch calls a net's own ``on_train_begin`` then. Whatever does not hand out
    ``passes``, as the nets of skal do, is left alone: what it costs, and takes, is
    unknown.
    """
    net = last_step(estimator)
    if not hasattr(net, "passes"):
        yield
        return
    begin = net.on_train_begin

    def ask_first(net, X, y, **kwargs):
        ask(net, X.blank())
        return begin(net, X=X, y=y, **kwargs)

    vars(net)["on_train_begin"] = ask_first
    try:
        yield
    finally:
        vars(net).pop("on_train_begin", None)


def sampled_before_training(estimator, **options):
    """Let a net without dropout that can be set from outside fail before any step.

    ``options`` are passed to the net's ``sample_proba`` or ``sample_predict``.
    """

    def sample(net, X):
        by_class = getattr(net, "sample_proba", None)
        ask = by_class or getattr(net, "sample_predict", None)
        if ask is not None:
            ask(X, n_samples=1, random_state=0, **options)

    return asked_before_training(estimator, sample)


def last_step(estimator):
    """Return the last step of pipelines, or the estimator itself."""
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return estimator
