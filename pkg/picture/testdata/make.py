"""Writes the pictures of TestReference, and what Pillow makes of them: pip install pillow simplejpeg numpy.

reference.png holds a tile of 32×32 pixels for each picture, in the order of their names: the picture upright, on white, its
middle square scaled. The tiles of orientation-1 to 8 have no files: the test makes those.
"""
import glob
import io
import os
import struct
import zlib

import numpy as np
import simplejpeg
from PIL import Image, ImageOps

W, H = 48, 36
y, x = np.mgrid[0:H, 0:W] / [[[H]], [[W]]]
rgb = np.stack([40 + 200 * x, 30 + 190 * y, 128 + 90 * np.sin(3 * x) * np.cos(4 * y)], -1)
photo = Image.fromarray(rgb.round().astype(np.uint8))
alpha = Image.fromarray((255 * (x + y) / 2).round().astype(np.uint8))
clear = photo.copy()
clear.putalpha(alpha)


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(colour_type, samples):
    """A PNG of 16 bits per colour, which Pillow does not write."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", W, H, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def frame(image, where, **options):
    """A GIF whose only frame covers a part of the canvas."""
    data = bytearray(saved(image, "GIF", **options))
    data[6:10] = struct.pack("<HH", W, H)  # the canvas
    at = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[at + 1:at + 5] = struct.pack("<HH", *where)
    return bytes(data)


palette = photo.quantize(60)
part = photo.crop((10, 5, 40, 30)).quantize(30)
pixels = np.ascontiguousarray(photo)
corner = Image.new("RGBA", (W, H))
corner.paste(clear.crop((10, 6, 40, 30)), (10, 6))
bars = Image.new("RGB", (W, H), "white")
bars.paste("black", (0, 0, W, H // 2))
files = {
    "png-rgb.png": saved(photo, "PNG"),
    "png-rgba.png": saved(clear, "PNG"),
    "png-grey.png": saved(photo.convert("L"), "PNG"),
    "png-grey-alpha.png": saved(clear.convert("LA"), "PNG"),
    "png-1-bit.png": saved(photo.convert("1"), "PNG"),
    "png-palette.png": saved(palette, "PNG"),
    "png-palette-transparent.png": saved(palette, "PNG", transparency=bytes(range(0, 240, 4))),
    "png-rgb-16.png": png(2, (rgb * 257).round().reshape(H, -1)),
    "png-grey-16.png": png(0, (rgb[..., 0] * 257).round()),
    "png-rgba-16.png": png(6, (np.dstack([rgb, 255 * (x + y) / 2]) * 257).round().reshape(H, -1)),
    "jpeg-444.jpg": saved(photo, "JPEG", quality=90, subsampling=0),
    "jpeg-422.jpg": saved(photo, "JPEG", quality=90, subsampling=1),
    "jpeg-420.jpg": saved(photo, "JPEG", quality=90, subsampling=2),
    "jpeg-411.jpg": simplejpeg.encode_jpeg(pixels, 90, colorsubsampling="411"),
    "jpeg-440.jpg": simplejpeg.encode_jpeg(pixels, 90, colorsubsampling="440"),
    "jpeg-progressive.jpg": saved(photo, "JPEG", quality=90, progressive=True),
    "jpeg-restart.jpg": saved(photo, "JPEG", quality=90, restart_marker_blocks=2),
    "jpeg-grey.jpg": saved(photo.convert("L"), "JPEG", quality=90),
    "jpeg-cmyk.jpg": saved(photo.convert("CMYK"), "JPEG", quality=90),
    "jpeg-rgb.jpg": saved(photo, "JPEG", quality=90, keep_rgb=True),
    "jpeg-fill-bytes.jpg": saved(photo, "JPEG", quality=90).replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1),
    "gif.gif": saved(palette, "GIF"),
    "gif-part.gif": frame(part, (10, 5), transparency=3),
    "gif-transparent.gif": saved(palette, "GIF", transparency=7),
    "gif-animated.gif": saved(palette, "GIF", save_all=True, append_images=[palette.rotate(180)]),
    "webp-lossy.webp": saved(photo, "WEBP", quality=90),
    "webp-lossless.webp": saved(photo, "WEBP", lossless=True),
    "webp-lossy-alpha.webp": saved(clear, "WEBP", quality=90),
    "webp-lossless-alpha.webp": saved(clear, "WEBP", lossless=True),
    "webp-animated.webp": saved(photo, "WEBP", save_all=True, append_images=[photo.rotate(180)], quality=90),
    "webp-animated-alpha.webp": saved(clear, "WEBP", save_all=True, append_images=[clear.rotate(180)], quality=90),
    "webp-animated-part.webp": saved(corner, "WEBP", save_all=True, append_images=[clear], quality=90),
    "webp-lossy-black-white.webp": saved(bars, "WEBP", quality=90),
}


def tile(data, orientation=None):
    image = Image.open(io.BytesIO(data))
    if orientation:
        exif = image.getexif()
        exif[0x112] = orientation
        image = Image.open(io.BytesIO(saved(image, "PNG", exif=exif)))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits, which convert would clip instead of scale
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    image = image.convert("RGB").convert("RGBA") if image.mode == "CMYK" else image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = white.convert("RGB").crop((left, top, left + side, top + side))
    # As floats, because Pillow cuts off what is below 0 or above 255 between rows and columns, too.
    bands = [band.convert("F").resize((32, 32), Image.Resampling.BICUBIC) for band in square.split()]
    return Image.fromarray(np.stack(bands, -1).round().clip(0, 255).astype(np.uint8))


here = os.path.dirname(os.path.abspath(__file__))
for old in glob.glob(os.path.join(here, "*.*")):
    if not old.endswith(".py"):
        os.remove(old)
for name, data in files.items():
    with open(os.path.join(here, name), "wb") as f:
        f.write(data)
tiles = [tile(files[name]) for name in sorted(files)]
tiles += [tile(files["png-rgb.png"], o) for o in range(1, 9)]
sheet = Image.new("RGB", (32 * len(tiles), 32))
for i, t in enumerate(tiles):
    sheet.paste(t, (32 * i, 0))
sheet.save(os.path.join(here, "reference.png"), optimize=True)
