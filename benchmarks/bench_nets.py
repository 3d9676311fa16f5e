"""What a net costs beyond PyTorch itself, to fit and to predict.

CNNClassifier against a bare loop over the same network, augmentation and optimizer:
in the same memory layout (channels last) and in the plain one (NCHW). All three make
the same number of steps on the same batches, in turns. Targets: 1.05 times the loop of
the same layout, .75 times the plain one. Then images that worker processes decode, in a
DatasetPool and a bare DataLoader (target: 1.2 times its time); what bfloat16 saves, and
max-pooling without the places of the maxima; and ResNet-18 on images of one and of
three channels: what it trains and passes a second.
"""

import argparse
import io
from time import perf_counter

import numpy as np
import torch
from common import best, show, verdict
from PIL import Image
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from skal.nets import CNNClassifier, DatasetPool, ResNetClassifier
from skal.nets._augment import affine
from skal.nets._cnn import ConvNet, HalvingMaxPool

SAME_LAYOUT, PLAIN_LAYOUT, LOADER = 1.05, 0.75, 1.2


def bare_fit(X, y, n_steps, batch_size, layout):
    """Train as CNNClassifier does, by hand."""
    model = ConvNet((1, *X.shape[1:]), 10).to(memory_format=layout)
    rows = torch.from_numpy(X[:, None]).float() / 255
    model[0].measure([rows])
    targets = torch.from_numpy(y)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=3e-3, weight_decay=1e-2, fused=True
    )
    order = torch.randperm(len(X))
    model.train()
    for step in range(n_steps):
        places = torch.arange(step * batch_size, (step + 1) * batch_size) % len(X)
        which = order[places]
        batch = torch.from_numpy(X[which.numpy()])[:, None].float().div_(255)
        batch = affine(batch.contiguous(memory_format=layout))
        optimizer.zero_grad()
        outputs = model(batch.contiguous(memory_format=layout))
        cross_entropy(outputs, targets[which], label_smoothing=0.1).backward()
        optimizer.step()
    return model.eval()


def bare_pass(model, X, layout):
    """Return the probabilities of a pool as the bare loop does."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(X), 256):
            batch = torch.from_numpy(X[start : start + 256])[:, None].float().div_(255)
            outputs = model(batch.contiguous(memory_format=layout))
            parts.append(outputs.softmax(dim=1).numpy())
    return np.concatenate(parts)


def fits(X, y, n_steps, repeats):
    """Return the rows of the table of fits at one number of labels."""
    batch_size = 32 if len(X) < 500 else 64
    net = CNNClassifier(max_steps=n_steps, random_state=0)
    seconds = best(
        {
            "skal": lambda: net.fit(X, y),
            "same": lambda: bare_fit(X, y, n_steps, batch_size, torch.channels_last),
            "plain": lambda: bare_fit(
                X, y, n_steps, batch_size, torch.contiguous_format
            ),
        },
        repeats,
    )
    return row(f"fit, {len(X)} labels, {n_steps} steps x {batch_size}", seconds)


def passes(X, y, pool, repeats):
    """Return the row of the table of a pass over a pool."""
    net = CNNClassifier(max_steps=2, random_state=0).fit(X, y)
    models = {
        layout: bare_fit(X, y, 2, 32, layout)
        for layout in (torch.channels_last, torch.contiguous_format)
    }
    seconds = best(
        {
            "skal": lambda: net.predict_proba(pool),
            "same": lambda: bare_pass(
                models[torch.channels_last], pool, torch.channels_last
            ),
            "plain": lambda: bare_pass(
                models[torch.contiguous_format], pool, torch.contiguous_format
            ),
        },
        repeats,
    )
    return row(f"predict_proba, pool of {len(pool)}", seconds)


def row(what, seconds):
    same = seconds["skal"] / seconds["same"]
    plain = seconds["skal"] / seconds["plain"]
    return (
        what,
        f"{seconds['skal']:.2f} s",
        f"x{same:.3f} {verdict(same, SAME_LAYOUT)}",
        f"x{plain:.2f} {verdict(plain, PLAIN_LAYOUT)}",
    )


class Photographs(Dataset):
    """JPEG files of 96 x 96, shrunk to 28 x 28 as they are read."""

    def __init__(self, n):
        rng = np.random.RandomState(0)
        self.files = []
        for pixels in rng.randint(0, 256, (64, 96, 96)).astype(np.uint8):
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, "jpeg")
            self.files.append(file.getvalue())
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        image = Image.open(io.BytesIO(self.files[i % 64])).resize((28, 28))
        return torch.from_numpy(np.array(image))[None], i % 10


def loaded_pass(model, dataset, n_workers):
    """Return the probabilities of a pool through a DataLoader."""
    parts = []
    with torch.no_grad():
        for rows, _ in DataLoader(dataset, batch_size=256, num_workers=n_workers):
            batch = rows.float().div_(255).contiguous(memory_format=torch.channels_last)
            parts.append(model(batch).softmax(dim=1).numpy())
    return np.concatenate(parts)


def loaded_fit(model, dataset, n_steps, n_workers):
    """Make steps of 64 rows from a DataLoader, its workers kept from epoch to epoch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, fused=True)
    loader = DataLoader(
        dataset,
        batch_size=64,
        shuffle=True,
        drop_last=True,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
    )
    done = 0
    model.train()
    while done < n_steps:
        for rows, targets in loader:
            batch = rows.float().div_(255).contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            cross_entropy(model(batch), targets, label_smoothing=0.1).backward()
            optimizer.step()
            done += 1
            if done == n_steps:
                break
    model.eval()


def from_data_sets(n_pool, n_steps, worker_counts, repeats):
    """Return the rows of the table of data sets."""
    data = Photographs(n_pool)
    pool, few = DatasetPool(data), Photographs(256)
    labels = np.arange(len(few)) % 10
    params = {"augment": None, "batch_size": 64, "random_state": 0}
    rows = []
    for n in worker_counts:
        net = CNNClassifier(num_workers=n, max_steps=1, **params)
        net.fit(pool[:64], labels[:64])
        fitted = CNNClassifier(num_workers=n, max_steps=n_steps, **params)
        model = ConvNet((1, 28, 28), 10).to(memory_format=torch.channels_last).eval()
        work = {
            f"predict_proba of {n_pool}": (
                lambda net=net: net.predict_proba(pool),
                lambda n=n, model=model: loaded_pass(model, data, n),
            ),
            f"{n_steps} steps of 64": (
                lambda net=fitted: net.fit(DatasetPool(few), labels),
                lambda n=n, model=model: loaded_fit(model, few, n_steps, n),
            ),
        }
        for what, (ours, bare) in work.items():
            seconds = best({"skal": ours, "bare": bare}, repeats)
            ratio = seconds["skal"] / seconds["bare"]
            taken = f"{seconds['skal']:.2f} s"
            rows.append((what, n, taken, f"x{ratio:.2f} {verdict(ratio, LOADER)}"))
    return rows


def halved(X, y, pool, n_steps, repeats):
    """Return the rows of the table of what bfloat16 and the pooling save."""
    nets = {
        half: CNNClassifier(
            max_steps=n_steps, mixed_precision=half, bfloat16=half, random_state=0
        )
        for half in (False, True)
    }
    fit = best({h: lambda net=net: net.fit(X, y) for h, net in nets.items()}, repeats)
    predict = best(
        {h: lambda net=net: net.predict_proba(pool) for h, net in nets.items()}, repeats
    )
    images = torch.rand(256, 32, 28, 28).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        pooling = best(
            {
                False: lambda: torch.nn.functional.max_pool2d(images, 2),
                True: lambda: HalvingMaxPool()(images),
            },
            10 * repeats,
        )
    return [
        (
            what,
            *(f"{1e3 * one[half]:.0f} ms" for half in one),
            f"x{one[1] / one[0]:.2f}",
        )
        for what, one in {
            f"{n_steps} steps in bfloat16": fit,
            f"predict_proba of {len(pool)} in bfloat16": predict,
            "max-pooling of 256 x 32 x 28 x 28, HalvingMaxPool": pooling,
        }.items()
    ]


def throughput(shape, width, n_steps, n_pool):
    """Return the row of the table of a ResNet-18."""
    X = np.random.RandomState(0).randint(0, 256, (n_pool, *shape)).astype(np.uint8)
    y = np.arange(64) % 10
    net = ResNetClassifier(width=width, max_steps=1, random_state=0).fit(X[:64], y)
    net.set_params(max_steps=n_steps)
    start = perf_counter()
    net.fit(X[:64], y)
    step = (perf_counter() - start) / n_steps
    start = perf_counter()
    net.predict_proba(X)
    rate = n_pool / (perf_counter() - start)
    size = " x ".join(map(str, shape))
    return size, width, f"{1e3 * step:.0f} ms", f"{rate:.0f} images/s"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--pool", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[0, 2])
    parser.add_argument("--widths", type=int, nargs="*", default=[16, 64])
    parser.add_argument("--resnet-steps", type=int, default=2)
    options = parser.parse_args()

    rng = np.random.RandomState(0)
    X = rng.randint(0, 256, (max(options.labels), 28, 28)).astype(np.uint8)
    pool = rng.randint(0, 256, (options.pool, 28, 28)).astype(np.uint8)
    y = rng.randint(0, 10, len(X))
    rows = [fits(X[:n], y[:n], options.steps, options.repeats) for n in options.labels]
    rows.append(passes(X[:100], y[:100], pool, options.repeats))
    columns = ("", "skal", "same layout <= 1.05", "plain layout <= .75")
    where = "GPU" if torch.cuda.is_available() else "CPU"
    versions = f"torch {torch.__version__}, {torch.get_num_threads()} threads, {where}"
    show(f"CNNClassifier against bare loops, 28 x 28; {versions}", columns, rows)

    rows = from_data_sets(options.pool, options.steps, options.workers, options.repeats)
    columns = ("DatasetPool", "workers", "skal", "DataLoader <= 1.2")
    show(f"Images that are decoded; {versions}", columns, rows)

    rows = halved(X[:100], y[:100], pool, options.steps, options.repeats)
    show(f"What is saved; {versions}", ("", "without", "with", "ratio"), rows)

    shapes = [(1, 28, 28), (3, 32, 32)]
    n_pool = 2560 if torch.cuda.is_available() else 256
    rows = [
        throughput(shape, width, options.resnet_steps, n_pool)
        for width in options.widths
        for shape in shapes
    ]
    columns = ("image", "width", "step of 64", "pass over a pool")
    show(f"ResNet-18; {versions}", columns, rows)


if __name__ == "__main__":
    main()
