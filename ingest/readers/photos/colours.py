"""Converts Pillow images of any mode to what a screen shows: 8 bits a channel, sRGB, on white."""

from contextlib import suppress
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MAX_PROFILE_BYTES = 16_000_000  # printing profiles have two or three million
_DEEP_MODES = ("I", "F")  # and their variants: I;16, I;16B, ...


def full_scale(image: Image.Image) -> float:
    """Return the value that stands for white in a grey image of modes I or F.

    It is 65,535 where 16 bits are declared, else the smallest of 1 (mode F), 255 and 65,535 that no pixel exceeds.
    """
    if image.mode.startswith("I;16"):
        return 65535.0
    highest = float(np.nanmax(np.where(np.isfinite(values := np.asarray(image)), values, 0)))
    usual = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
    return next((scale for scale in usual if highest <= scale), highest)


def screen_mode(image: Image.Image, white: float = 255.0) -> Image.Image:
    """Return the image in a mode that can be resized well, colours unchanged: L, LA, RGB, RGBA, CMYK or LAB.

    `white` is the `full_scale` of the whole image, of which `image` may be a part; used for modes I and F.
    """
    if image.mode.startswith(_DEEP_MODES):
        values = np.nan_to_num(np.asarray(image).astype(np.float32) * np.float32(255 / white))
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
    if image.mode in ("LA", "RGBA", "CMYK", "LAB"):
        return image
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes = b"") -> Image.Image:
    """Return an image made by `screen_mode` in sRGB: RGB, or RGBA where it has transparency.

    `profile` is the embedded ICC profile; one that is broken or for another colour model is ignored.
    """
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert({"LA": "L", "RGBA": "RGB"}.get(image.mode, image.mode))
    colours = _convert(colours, profile)
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def on_white(image: Image.Image) -> Image.Image:
    """Return an RGB or RGBA image as RGB on a white background."""
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return white


def _convert(colours: Image.Image, profile: bytes) -> Image.Image:
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        if colours.mode == "LAB":
            return _apply_profile(colours, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
        if profile and len(profile) <= _MAX_PROFILE_BYTES:
            embedded = ImageCms.ImageCmsProfile(BytesIO(profile))
            kind = embedded.profile.xcolor_space.strip()
            if kind == "RGB" and colours.mode == "L":  # grey pixels with the profile of a colour space
                return _apply_profile(colours.convert("RGB"), embedded)
            if {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(kind) == colours.mode:
                return _apply_profile(colours, embedded)
    return colours.convert("RGB")


def _apply_profile(colours: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(colours, profile, _srgb(), outputMode="RGB")
    assert converted is not None  # not in place
    return converted


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
