"""Pixels of any mode to what a screen shows: 8 bits a channel, sRGB, on white. Pure, on Pillow's pictures."""

from contextlib import suppress
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_MOST_PROFILE = 16_000_000  # bytes; press profiles have two or three million
_DEEP = ("I", "F")  # and their variants: I;16, I;16B, ...


def full_scale(picture: Image.Image) -> float:
    """Return the value of a deep grey picture (modes I and F) that is white.

    That of 16 bits where these are declared, else the nearest usual one that no pixel exceeds: 1, 255, 65,535.
    """
    if picture.mode.startswith("I;16"):
        return 65535.0
    highest = float(np.nanmax(np.where(np.isfinite(values := np.asarray(picture)), values, 0)))
    usual = (1.0, 255.0, 65535.0) if picture.mode == "F" else (255.0, 65535.0)
    return next((scale for scale in usual if highest <= scale), highest)


def screen_mode(picture: Image.Image, white: float = 255.0) -> Image.Image:
    """Return the picture in a mode that can be made smaller well, colours unchanged: L, LA, RGB, RGBA, CMYK or LAB.

    `white` is the `full_scale` of a deep grey picture; it is not asked of the picture, which may be a part of one.
    """
    if picture.mode.startswith(_DEEP):
        values = np.nan_to_num(np.asarray(picture).astype(np.float32) * np.float32(255 / white))
        return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
    if picture.mode in ("LA", "RGBA", "CMYK", "LAB"):
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in ("1", "L"):
        return picture.convert("L")
    return picture.convert("RGB")


def to_srgb(picture: Image.Image, profile: bytes = b"") -> Image.Image:
    """Return a picture that `screen_mode` made in sRGB: RGB, or RGBA where it was transparent.

    `profile` is the embedded ICC profile; one that is broken or of another kind of colours is left aside.
    """
    alpha = picture.getchannel("A") if picture.mode in ("LA", "RGBA") else None
    colours = picture.convert({"LA": "L", "RGBA": "RGB"}.get(picture.mode, picture.mode))
    colours = _converted(colours, profile)
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def on_white(picture: Image.Image) -> Image.Image:
    """Return an RGB or RGBA picture as RGB, what is transparent showing white."""
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return white


def _converted(colours: Image.Image, profile: bytes) -> Image.Image:
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        if colours.mode == "LAB":
            return _through(colours, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
        if profile and len(profile) <= _MOST_PROFILE:
            embedded = ImageCms.ImageCmsProfile(BytesIO(profile))
            kind = embedded.profile.xcolor_space.strip()
            if kind == "RGB" and colours.mode == "L":  # grey pixels with the profile of a colour space
                return _through(colours.convert("RGB"), embedded)
            if {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(kind) == colours.mode:
                return _through(colours, embedded)
    return colours.convert("RGB")


def _through(colours: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(colours, profile, _srgb(), outputMode="RGB")
    assert converted is not None  # not in place
    return converted


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
