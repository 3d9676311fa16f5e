"""Pictures by number: re-encoded, kept by the hash of what they show."""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from skal.label._sources import in_colour

SIDES = {"full": 1600, "thumb": 320, "small": 32}


class Pictures:
    """The images of a session, as small WebP files.

    A picture is asked for by the number of its row, never by a path. What the browser
    gets was decoded and encoded again, so that nothing but pixels comes through.

    Parameters
    ----------
    session : LabelSession
        Knows which file a number stands for.

    folder : path or None
        Where encoded pictures are kept; None: in a temporary folder.

    seconds : float, default=10
        The longest that a picture may take.
    """

    def __init__(self, session, folder=None, seconds=10):
        self.session = session
        self._own = None
        if folder is None:
            self._own = tempfile.TemporaryDirectory()
            folder = self._own.name
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._decoder = Decoder(seconds)

    def encoded(self, item, size):
        """Return the bytes of a picture; LookupError where there is none.

        Parameters
        ----------
        item : int
            The number of the row.
        size : {"full", "thumb", "small"}
            How large.

        Returns
        -------
        bytes
            WebP.
        """
        path, name = self._source(item)
        kept = self.folder / f"{name}-{size}.webp"
        with contextlib.suppress(FileNotFoundError):
            return kept.read_bytes()
        try:
            self._decoder.encode(path, kept, SIDES[size])
        except ValueError as error:
            raise ValueError(f"The image cannot be shown: {error}.") from error
        return kept.read_bytes()

    def small(self, item):
        """Return the pixels of a picture, at most 32 a side, (h, w, 3) of uint8.

        They are of the file that was encoded anew: nothing else is decoded here.
        """
        import numpy as np
        from PIL import Image

        with Image.open(io.BytesIO(self.encoded(item, "small"))) as image:
            return np.asarray(in_colour(image))

    def _source(self, item):
        """Return the file of a row, and the name under which its picture is kept."""
        pool = self.session.pool
        try:
            position = pool.position(item)
        except KeyError:
            raise LookupError(f"There is no row {item}.") from None
        show = pool.show(position)
        digest = pool.source.digests[position]
        name = hashlib.sha256(digest.encode()).hexdigest()[:40]
        if "image" not in show:
            raise LookupError(f"Row {item} has no picture.")
        if hasattr(show["image"], "shape"):
            return self._written(show["image"], name), name
        return inside(show["image"], getattr(pool.source, "root", None)), name

    def _written(self, pixels, name):
        """Write pixels that are in memory as a file, once."""
        path = self.folder / f"{name}.png"
        if not path.exists():
            as_image(pixels).save(path)
        return path

    def close(self):
        self._decoder.close()
        if self._own is not None:
            self._own.cleanup()


def inside(path, root):
    """Return the file that a path leads to; it may have become a link since."""
    found = Path(path).resolve()
    if root is not None and not found.is_relative_to(Path(root).resolve()):
        raise LookupError("The picture lies outside of its folder.")
    if not found.is_file():  # a pipe would be waited for
        raise LookupError("The picture is no longer there.")
    return found


def as_image(pixels):
    """Return an array of one image, of any range and order of axes, as an image."""
    import numpy as np
    from PIL import Image

    pixels = np.squeeze(np.asarray(pixels))
    if pixels.ndim == 3 and pixels.shape[0] in (3, 4) and pixels.shape[2] > 4:
        pixels = np.moveaxis(pixels, 0, 2)  # channels first, as PyTorch has them
    if pixels.dtype != np.uint8:
        pixels = np.nan_to_num(pixels.astype(float))
        low, high = pixels.min(), pixels.max()
        pixels = (pixels - low) * (255 / (high - low) if high > low else 0)
    return Image.fromarray(pixels.astype(np.uint8))


class Decoder:
    """The process that decodes: started when first needed, and again after a bad file.

    Parameters
    ----------
    seconds : float
        The longest that a picture may take before the process is ended.
    """

    def __init__(self, seconds):
        self.seconds = seconds
        self._process = None
        self._lock = threading.Lock()

    def encode(self, path, to, side):
        """Write a small WebP; ValueError says why not."""
        task = {"path": os.fspath(path), "to": os.fspath(to), "side": side}
        with self._lock:
            said = self._ask(json.dumps(task))
        if "error" in said:
            raise ValueError(said["error"])

    def _ask(self, line):
        process = self._running()
        late = threading.Event()

        def give_up():
            late.set()
            process.kill()

        timer = threading.Timer(self.seconds, give_up)
        timer.start()
        try:
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:  # it ended before it was asked
            answer = b""
        finally:
            timer.cancel()
        if answer:
            return json.loads(answer)
        self._end()
        return {"error": "it takes too long" if late.is_set() else "its decoder broke"}

    def _running(self):
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        script = Path(__file__).with_name("_decode.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl C is for the server, which ends this one
        )
        return self._process

    def _end(self):
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):  # what was not sent is not sent
            self._process.stdin.close()
        self._process.stdout.close()
        self._process = None

    def close(self):
        with self._lock:
            self._end()
