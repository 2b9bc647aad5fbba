"""Perceptual hashes of pictures, against sums worked out here."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from pagelens.core.types import ImageArray
from pagelens.ingest.readers.photos.perceptual_hash import perceptual_hash
from pagelens.retrieve.deduplication import MAX_HASH_DISTANCE, near_duplicates

PHOTOS = Path(__file__).parents[3] / ".." / "shared" / "data" / "photos-dev" / "photos"


def scene(seed: int, width: int = 192, height: int = 128) -> ImageArray:
    """Return a smooth random picture, as photos are in the coarse."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def apart(one: ImageArray, other: ImageArray) -> int:
    return (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()


def test_the_bits_are_the_signs_of_the_longest_waves() -> None:
    picture = scene(1, 128, 96)
    grey = picture @ np.array([0.299, 0.587, 0.114])
    small = grey.reshape(32, 3, 32, 4).mean(axis=(1, 3))  # 96 x 128 by 3 x 4
    waves = dctn(small, norm="ortho")
    order = sorted((u * u + v * v, u, v) for u in range(32) for v in range(32) if u + v)[:64]
    expected = int("".join("1" if waves[u, v] > 0 else "0" for _, u, v in order), 2)
    assert perceptual_hash(picture) == expected


def test_a_picture_changed_a_little_is_near_and_another_is_not() -> None:
    picture = scene(2)
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=15)
    assert apart(picture, np.asarray(Image.open(stream))) <= MAX_HASH_DISTANCE
    assert apart(picture, np.asarray(Image.fromarray(picture).resize((77, 51)))) <= MAX_HASH_DISTANCE
    assert apart(picture, picture[3:-3, 5:-4]) <= MAX_HASH_DISTANCE
    assert apart(picture, (picture * 0.7).astype(np.uint8)) <= MAX_HASH_DISTANCE
    assert apart(picture, scene(3)) > MAX_HASH_DISTANCE
    assert apart(picture, picture[:, ::-1]) > MAX_HASH_DISTANCE


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (31, 33), (500, 3)])
def test_a_picture_of_any_size_has_a_hash(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)
    assert 0 <= perceptual_hash(random) < 1 << 64


def test_pictures_of_one_colour_show_nothing() -> None:
    for level in (0, 128, 255):
        assert perceptual_hash(np.full((50, 70, 3), level, np.uint8)) == 0
    nearly = np.full((50, 70, 3), 200, np.uint8) + np.random.default_rng(0).integers(0, 2, (50, 70, 3), np.uint8)
    assert perceptual_hash(nearly) == 0


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the development photos are not here")
def test_on_real_photos_copies_are_found_and_no_two_photos_are_taken_for_the_same() -> None:
    pictures = [np.asarray(Image.open(path).convert("RGB")) for path in sorted(PHOTOS.iterdir())[:300]]
    hashes = [perceptual_hash(picture) for picture in pictures]
    assert near_duplicates(hashes) == []
    halves = [np.asarray(Image.fromarray(picture).resize((112, 112))) for picture in pictures]
    assert all(
        (one ^ perceptual_hash(half)).bit_count() <= MAX_HASH_DISTANCE for one, half in zip(hashes, halves, strict=True)
    )
