"""What it is worth to choose images, or parts of them, for a network of pixels.

    python examples/papers/segmentation.py run     play, into results/segmentation.csv
    python examples/papers/segmentation.py         the tables of the page

A run that was stopped goes on where it was, seed by seed; ``--seeds 5`` stops after so
many. Pictures of shapes, as real pools are: more than a third show nothing, nine pixels
in ten are background, and one shape in ten is a triangle.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
from page import as_table
from scipy.stats import t as student
from sklearn.base import clone

from skal import ActiveLearner
from skal.datasets import make_shapes
from skal.nets import SegmentationNet
from skal.query import Aggregate, RandomRegions, Regions

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "segmentation.csv"
PAGE = HERE.parents[1] / "docs" / "segmentation.md"
NAMES = ["strategy", "seed", "images", "iou", "disc", "square", "triangle"]
SEEDS = range(5)
N_POOL, N_TEST, SIZE, GRID = 300, 200, 48, 2
ROUND, N_ROUNDS = 25, 3  # images a round, the first one at random
NET = SegmentationNet(
    module__channels=(8, 16, 32),
    classes=range(4),
    augment="turn_flip",
    class_weight={0: 0.2},  # nine pixels in ten are background
    max_steps=600,  # a round, from the weights of the round before
    device="cpu",
)
STRATEGIES = {
    "random images": "random",
    "images, entropy": Aggregate("entropy", "topk", topk=0.1),
    "random regions": RandomRegions(GRID),
    "regions, entropy": Regions("entropy", GRID),
}

# Runs ---------------------------------------------------------------------------


def pictures(seed):
    """Return a pool and pictures to test on."""
    X, y = make_shapes(
        N_POOL + N_TEST,
        size=SIZE,
        mean_shapes=1.0,
        shares=(0.55, 0.35, 0.1),
        return_X_y=True,
        random_state=seed,
    )
    return X[:N_POOL], y[:N_POOL], X[N_POOL:], y[N_POOL:]


def play(strategy, seed):
    """Yield after each round how many images' worth of pixels are known, and the IoU.

    That of each class too. All strategies begin with the same images, labelled whole.
    """
    X, y, X_test, y_test = pictures(seed)
    cells = GRID**2 if isinstance(strategy, Regions | RandomRegions) else 1
    learner = ActiveLearner(
        clone(NET),
        strategy,
        n_initial=ROUND * cells,
        batch_size=ROUND * cells,
        n_labels=ROUND * (N_ROUNDS + 1) * cells,
        store_estimators=True,
        warm_start=True,
        random_state=seed,
    ).fit(X, y)
    for n_labels, predicted in zip(
        learner.history_["n_labels"], learner.staged_predict(X_test), strict=True
    ):
        yield n_labels / cells, ious(y_test, predicted)


def ious(y, predicted):
    """Return the intersection over union of each class, the background among them."""
    known = [(y == k, predicted == k) for k in range(4)]
    return [(true & told).sum() / (true | told).sum() for true, told in known]


def run(n_seeds):
    """Play what is not done yet, seed by seed, so that what there is is paired."""
    done = {(row["strategy"], row["seed"]) for row in read()}
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not done:
            writer.writerow(NAMES)
        for seed in SEEDS[:n_seeds]:
            for name, strategy in STRATEGIES.items():
                if (name, str(seed)) in done:
                    continue
                lines = [
                    [name, seed, f"{images:g}", np.mean(of_class), *of_class[1:]]
                    for images, of_class in play(strategy, seed)
                ]
                writer.writerows(
                    [*line[:3], *(f"{v:.4f}" for v in line[3:])] for line in lines
                )
                file.flush()


def read():
    """Return the rows of the results."""
    if not RESULTS.exists():
        return []
    with RESULTS.open(encoding="utf-8") as file:
        return [*csv.DictReader(file)]


# The tables ---------------------------------------------------------------------


def curves(column="iou"):
    """Return for each strategy its curves (n_seeds, n_rounds), and the images.

    A seed counts when everything was played with it.
    """
    rows = read()
    played = Counter(row["seed"] for row in rows)
    full = [seed for seed, n in played.items() if n == len(STRATEGIES) * (N_ROUNDS + 1)]
    of = {
        name: np.array(
            [
                [
                    float(r[column])
                    for r in rows
                    if (r["strategy"], r["seed"]) == (name, s)
                ]
                for s in full
            ]
        )
        for name in STRATEGIES
    }
    return of, ROUND * np.arange(1, N_ROUNDS + 2)


def interval(values):
    """Say a mean over seeds and its 95 % interval, of Student's t."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.1f} ± {student.ppf(0.975, len(values) - 1) * error:.1f}"


def by_images():
    """Mean IoU by pixels labelled, in points."""
    of, images = curves()
    lines = [
        [name, *(f"{100 * v:.1f}" for v in found.mean(axis=0))]
        for name, found in of.items()
    ]
    return as_table(["pixels of so many images", *images], lines)


def over_random():
    """What each strategy gains over random images, and over random regions."""
    of, images = curves()
    lines = []
    for name, other in (
        ("images, entropy", "random images"),
        ("random regions", "random images"),
        ("regions, entropy", "random images"),
        ("regions, entropy", "random regions"),
        ("regions, entropy", "images, entropy"),
    ):
        gaps = 100 * (of[name] - of[other])[:, 1:]
        ends = [interval(gaps.mean(axis=1)), interval(gaps[:, -1])]
        lines.append([name, other, *ends])
    return as_table(["", "over", "mean of the curve", f"at {images[-1]} images"], lines)


def images_to(curve, images, level):
    """Return the images at which a curve first reaches a level, between rounds too."""
    at = np.flatnonzero(curve >= level)
    if len(at) == 0:
        return np.inf
    k = at[0]
    if k == 0:
        return float(images[0])
    share = (level - curve[k - 1]) / (curve[k] - curve[k - 1])
    return images[k - 1] + share * (images[k] - images[k - 1])


def fewer_pixels():
    """How many fewer pixels reach the IoU that images have at the end of their runs."""
    of, images = curves()
    lines = []
    for target in ("random images", "images, entropy"):
        level = of[target].mean(axis=0)[-1]
        for name in STRATEGIES:
            n = images_to(of[name].mean(axis=0), images, level)
            factor = f"{images[-1] / n:.1f}" if np.isfinite(n) else ""
            word = f"{n:.0f}" if np.isfinite(n) else f"> {images[-1]}"
            lines.append([f"{100 * level:.1f} ({target})", name, word, factor])
    header = ["IoU", "by", "images' worth of pixels", f"factor under {images[-1]}"]
    return as_table(header, lines)


def rare_class():
    """The IoU of triangles at the end, in points."""
    of, images = curves("triangle")
    lines = [
        [name, f"{100 * found.mean(axis=0)[-1]:.1f}"] for name, found in of.items()
    ]
    return as_table(["", f"triangles at {images[-1]} images"], lines)


TABLES = {
    "by images": by_images,
    "over random": over_random,
    "fewer pixels": fewer_pixels,
    "rare class": rare_class,
}


def filled(page):
    """Return the page with its tables of segmentation written anew; others stay."""

    def table(match):
        words = TABLES[match[1]]()
        return f"<!-- segmentation: {match[1]} -->\n\n{words}\n\n<!-- end -->"

    pattern = r"<!-- segmentation: (.+?) -->.*?<!-- end -->"
    return re.sub(pattern, table, page, flags=re.DOTALL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=["run"])
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    given = parser.parse_args()
    if given.what == "run":
        run(given.seeds)
    if len(curves()[0]["random images"]) > 1:
        PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
