"""Asking a network for samples once its module is made, before it is trained."""

from contextlib import contextmanager

from sklearn.pipeline import Pipeline


@contextmanager
def sampled_before_training(estimator, **options):
    """Let a net without dropout that can be set from outside fail before any step.

    Only a module that is made tells, and it is made in fit, for rows of some shape:
    skorch calls a net's own ``on_train_begin`` then. ``options`` are passed to the
    net's ``sample_proba`` or ``sample_predict``. Whatever does not hand out ``passes``,
    as the nets of skal do, is left alone: what its samples cost, and take, is unknown.
    """
    net = estimator
    while isinstance(net, Pipeline):
        net = net[-1]
    ask = getattr(net, "sample_proba", None) or getattr(net, "sample_predict", None)
    if ask is None or not hasattr(net, "passes"):
        yield
        return
    begin = net.on_train_begin

    def sample_first(net, X, y, **kwargs):
        ask(X.blank(), n_samples=1, random_state=0, **options)
        return begin(net, X=X, y=y, **kwargs)

    vars(net)["on_train_begin"] = sample_first
    try:
        yield
    finally:
        vars(net).pop("on_train_begin", None)
