"""A detector of torchvision's is asked from end to end: by its scores, by its draws."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skal import ActiveLearner
from skal.datasets import make_shapes
from skal.query import Aggregate, BoxDisagreement
from skal.query.functional import box_disagreement
from skal.structured import Committee, Units

SIDE = 32


class Detector(BaseEstimator):
    """A small FCOS, trained for moments: it finds something nearly everywhere."""

    def __init__(self, max_steps=6, random_state=None):
        self.max_steps = max_steps
        self.random_state = random_state

    def fit(self, X, y):
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(draw_seed(self.random_state))
            self.model_ = network().train()
            optimizer = torch.optim.AdamW(self.model_.parameters(), lr=0.01)
            for _ in range(self.max_steps):
                batch = torch.randint(len(X), (4,)).tolist()
                targets = [tensors(y[i], torch.as_tensor) for i in batch]
                losses = self.model_(as_images(X)[batch].unbind(), targets)
                optimizer.zero_grad()
                sum(losses.values()).backward()
                optimizer.step()
        self.model_.eval()
        return self

    def predict(self, X):
        import torch

        with torch.no_grad():
            found = self.model_(as_images(X).unbind())
        return [tensors(boxes, np.asarray) for boxes in found]

    def sample_boxes(self, X, n_samples=None, random_state=None):
        import torch

        draws = []
        with torch.random.fork_rng():
            torch.manual_seed(draw_seed(random_state))
            for _ in range(n_samples or 3):
                kept = (
                    torch.rand(1, 32, 1, 1) > 0.5
                )  # one detector a draw, for all rows
                hook = self.model_.backbone.register_forward_hook(
                    lambda module, x, maps, kept=kept: maps * kept
                )
                draws.append(self.predict(X))
                hook.remove()
        return [list(row) for row in zip(*draws, strict=True)]

    def score(self, X, y):
        """Tell how often as many boxes are found as there are."""
        n_found = [(found["scores"] > 0.2).sum() for found in self.predict(X)]
        return np.mean(n_found == np.array([len(objects["boxes"]) for objects in y]))


def network():
    """Return a detector with one map, an eighth of the picture's side."""
    from torch import nn
    from torchvision.models.detection import FCOS
    from torchvision.models.detection.anchor_utils import AnchorGenerator
    from torchvision.models.detection.fcos import FCOSHead

    backbone = nn.Sequential(
        nn.Conv2d(3, 32, 5, stride=4, padding=2),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.ReLU(),
    )
    backbone.out_channels = 32
    return FCOS(
        backbone,
        num_classes=4,
        min_size=SIDE,
        max_size=SIDE,
        anchor_generator=AnchorGenerator(((8,),), ((1.0,),)),
        head=FCOSHead(32, 1, 4, num_convs=1),
        score_thresh=0.02,
        detections_per_img=5,
    )


def draw_seed(random_state):
    return check_random_state(random_state).randint(2**31)


def as_images(X):
    import torch

    return torch.from_numpy(np.asarray(X, np.float32) / 255)


def tensors(boxes, change):
    return {name: change(values) for name, values in boxes.items()}


def chances(detector, X):
    """Return the chance of each box found to be of its class, and to be nothing."""
    units = []
    for found in detector.predict(X):
        proba = np.zeros((len(found["scores"]), 4))
        proba[np.arange(len(proba)), found["labels"]] = found["scores"]
        proba[:, 0] = 1 - found["scores"]
        units.append(proba)
    return units


def detector(**params):
    return Units(Detector(**params), chances, boxes="sample_boxes")


@pytest.fixture(scope="module")
def shapes():
    """Return 40 pictures and what is where in them; some show nothing."""
    made = make_shapes(40, size=SIDE, mean_shapes=1.0, random_state=0)
    assert any(len(objects["boxes"]) == 0 for objects in made.objects)
    return made.images, made.objects


@pytest.fixture(scope="module")
def fitted(torch, shapes):
    return detector(random_state=0).fit(*shapes)


@pytest.mark.parametrize(
    "strategy",
    [Aggregate("entropy", topk=3), BoxDisagreement(n_samples=3)],
    ids=["aggregate", "box_disagreement"],
)
def test_a_simulation_is_what_a_live_run_would_do(torch, shapes, strategy):
    X, y = shapes
    budget = {"n_initial": 8, "batch_size": 6, "random_state": 0}
    simulated = ActiveLearner(detector(), strategy, n_labels=20, **budget).fit(X, y)
    live, open_rows = ActiveLearner(detector(), strategy, **budget), np.arange(40)
    for size in (8, 6, 6):
        rows, images = live.query(X, size, candidates=open_rows)
        live = pickle.loads(pickle.dumps(live))
        live.teach(images, [y[row] for row in rows])
        open_rows = np.setdiff1d(open_rows, rows)
    taught = [objects["boxes"] for objects in live.y_training_]
    bought = [objects["boxes"] for objects in simulated.y_training_]
    for ours, theirs in zip(taught, bought, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert simulated.history_["n_labels"].tolist() == [8, 14, 20]
    assert simulated.score(X, y) == live.score(X, y)


def test_a_picture_is_worth_its_most_doubtful_boxes(fitted, shapes):
    X, _ = shapes
    doubts = []
    for found in fitted.predict(X):
        p = found["scores"].astype(float)
        doubt = -p * np.log(p) - (1 - p) * np.log(1 - p)
        doubts.append(np.sort(doubt)[::-1][:3].mean())
    scores = Aggregate("entropy", topk=3).score_samples(fitted, X)
    np.testing.assert_allclose(scores, doubts)


def test_draws_of_one_detector_find_boxes_of_their_own(fitted, shapes):
    X, _ = shapes
    scores = BoxDisagreement(n_samples=4).score_samples(fitted, X)
    assert (scores > 0).all()
    assert (scores <= 1).all()


def test_the_boxes_of_several_detectors_are_compared(torch, shapes):
    X, y = shapes
    committee = Committee([Detector(), Detector()], random_state=0)
    learner = ActiveLearner(
        committee, BoxDisagreement(), n_labels=12, n_initial=8, random_state=0
    ).fit(X, y)
    first, second = (member.predict(X[:6]) for member in learner.estimator_.estimators_)
    expected = box_disagreement([*zip(first, second, strict=True)])
    np.testing.assert_allclose(learner.score_pool(X[:6]), expected)
