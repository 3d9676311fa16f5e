"""Decode images that strangers made: a process of its own, with little to break.

Run by path, not as a module of skal, so that it starts in a moment. Reads lines of JSON
``{"path", "to", "side"}`` and answers each with a line: ``{}`` or ``{"error"}``.
"""

import json
import os
import sys
import warnings

#: Formats whose decoders are old and much used. No SVG, no EPS, no FITS.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 64_000_000
MEMORY = 2 << 30


def limit():
    """Bound what this process may take; where the system has no limits, go without."""
    os.umask(0o077)
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 20, 64 << 20))


def encode(path, to, side):
    """Write a small WebP of the image at ``path``."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with Image.open(path, formats=FORMATS) as file:
        # The header says how large it claims to be; believe it before decoding.
        if file.width * file.height > MAX_PIXELS:
            raise ValueError(f"it has {file.width} x {file.height} pixels")
        file.draft("RGB", (side, side))
        image = ImageOps.exif_transpose(file)
        alpha = "A" in image.mode or "transparency" in image.info
        if image.mode.startswith(("I", "F")):
            image = stretched(image)
        image = image.convert("RGBA" if alpha else "RGB")
        image.thumbnail((side, side))
        temporary = f"{to}.{os.getpid()}"
        small = max(image.size) <= 128
        how = {"lossless": True, "method": 0} if small else {"quality": 88}
        image.save(temporary, "WEBP", **how)
        os.replace(temporary, to)


def stretched(image):
    """Bring 16-bit and float images to 8 bits."""
    low, high = image.convert("F").getextrema()
    scale = 255 / (high - low) if high > low else 1
    return image.convert("F").point(lambda value: value * scale - low * scale)


def main():
    limit()
    from PIL import Image, UnidentifiedImageError

    warnings.simplefilter("ignore")  # cameras write odd tags into good pictures
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    for line in sys.stdin:
        task = json.loads(line)
        try:
            encode(task["path"], task["to"], task["side"])
            said = {}
        except MemoryError:
            said = {"error": "it needs too much memory"}
        except UnidentifiedImageError:  # its message holds the path
            said = {"error": "it is no image of a known format"}
        except Exception as error:
            said = {"error": str(error)[:200] or type(error).__name__}
        print(json.dumps(said), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
