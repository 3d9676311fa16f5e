"""What the runner of experiments costs, beyond the loop that it runs.

Margin and random on digits, 20 to 120 labels, a few seeds, logistic regression; against
a bare loop that fits the very same learners, on the same splits and from the same
seeds, computes the same numbers, and keeps nothing. Target: at most 5 % more CPU time.
The loop that measures accuracy alone is there to show what the other measures cost.

Every turn times each side once, every other turn in the opposite order, and the best
turn of each side counts: others at work make a turn slower, never faster.
"""

import argparse
import gc
import shutil
import tempfile
from functools import partial
from time import perf_counter, process_time

import numpy as np
from common import show, verdict
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skal import ActiveLearner
from skal._seed import draw_seed, stream
from skal.experiment import Experiment
from skal.experiment._cell import class_counts
from skal.experiment._data import Data
from skal.experiment._measures import Answers, class_entropy, measure, resolve_metrics

TARGET = 1.05
STRATEGIES = ("margin", "random")


class Watch:
    """Measures each round, as a person would who writes a callback for it."""

    def __init__(self, split, metrics):
        self.split, self.rows = split, []
        self.measures = resolve_metrics(metrics, True)
        self.everything = metrics is None

    def setup(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "round":
            learner = self.learner
            answers = Answers(learner, self.split.X_test, self.split.y_test)
            self.rows.append(measure(self.measures, answers))
            if self.everything:
                counts = class_counts(learner.y_training_, learner.classes_)
                self.rows.append(class_entropy(counts))

    def teardown(self, estimator, context): ...


def bare(model, data, n_seeds, n_labels, metrics):
    """Run every cell in a plain loop."""
    with threadpool_limits(1):
        for seed in range(n_seeds):
            for strategy in STRATEGIES:
                split = data.split(seed, 0.3, None)
                watch = Watch(split, metrics)
                watch.learner = ActiveLearner(
                    model,
                    strategy,
                    n_labels=n_labels,
                    n_initial=20,
                    classes=data.classes,
                    random_state=draw_seed(stream(seed, 0, "learner")),
                )
                watch.learner.set_callbacks(watch).fit(split.X_pool, split.y_pool)


def with_runner(model, data, n_seeds, n_labels, keep):
    """Run every cell as an experiment; write files where ``keep`` says so."""
    directory = tempfile.mkdtemp() if keep else None
    Experiment(
        model, list(STRATEGIES), {"digits": data}, n_labels=n_labels, seeds=n_seeds
    ).run(directory)
    if keep:
        shutil.rmtree(directory)


def in_turns(functions, repeats):
    """Return the best wall-clock and CPU seconds of each, timed in turns.

    CPU time is what the target is about: it does not depend on who else is at work.
    """
    for function in functions.values():
        function()
    wall, cpu = (dict.fromkeys(functions, np.inf) for _ in range(2))
    for turn in range(repeats):
        for name in list(functions)[:: 1 if turn % 2 else -1]:
            gc.collect()
            start = perf_counter(), process_time()
            functions[name]()
            wall[name] = min(wall[name], perf_counter() - start[0])
            cpu[name] = min(cpu[name], process_time() - start[1])
    return wall, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()

    X, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    run = model, Data(X / 16, y), options.seeds, options.labels
    functions = {
        "bare loop, the same measures": partial(bare, *run, None),
        "bare loop, accuracy alone": partial(bare, *run, ["accuracy"]),
        "Experiment, files": partial(with_runner, *run, True),
        "Experiment, no files": partial(with_runner, *run, False),
    }
    wall, cpu = in_turns(functions, options.repeats)
    base = "bare loop, the same measures"
    rows = []
    for name in functions:
        target, ok = "", ""
        ratio = cpu[name] / cpu[base]
        if name.startswith("Experiment"):
            target, ok = f"{TARGET:.2f}", verdict(ratio, TARGET)
        times = f"{wall[name]:.2f} s", f"{wall[name] / wall[base]:.3f}"
        rows.append([name, *times, f"{cpu[name]:.2f} s", f"{ratio:.3f}", target, ok])
    n_cells = options.seeds * len(STRATEGIES)
    show(
        f"Experiments on digits, {n_cells} cells to {options.labels} labels, best of "
        f"{options.repeats}",
        ["", "time", "ratio", "CPU time", "ratio", "target", ""],
        rows,
    )


if __name__ == "__main__":
    main()
