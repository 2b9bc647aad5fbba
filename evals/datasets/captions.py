"""Captioned photos: Flickr8k (both of its file formats), COCO captions, Karpathy's splits, and captions.jsonl.

Each caption is a query whose relevant page is its photo. A photo is a document of one page.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.folder import document_names
from pagelens.evals.datasets.line_reader import Faults, read_json, read_json_lines, read_lines

FOLDERS = ("photos", "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "val2017", "train2017", "val2014")
FILES = ("captions.jsonl", "captions.txt", "Flickr8k.token.txt", "dataset.json")

Pairs = Iterator[tuple[int, str, str]]
"""Line number (0 if unknown), file name of the photo, caption."""


def is_captions(path: Path) -> bool:
    """Return whether a path is a captions file, or a folder that holds one."""
    return path.is_file() or captions_file(path) is not None


def read_captions(path: Path, photos: Path | None = None, *, split: str = "test") -> DataSet:
    """Return the set of a captions file, or of the folder that holds one. Raises UsageError for malformed lines.

    `split` selects photos in Karpathy's files; other files have no splits.
    """
    file = path if path.is_file() else captions_file(path)
    if file is None:
        raise UsageError(f"expected a captions file in {path} ({', '.join(FILES)}, captions_*.json), found none")
    folder = photos or _photo_folder(file.parent)
    faults = Faults()
    names = set(document_names(folder))
    questions, qrels = [], {}
    for number, (line, photo, caption) in enumerate(_reader(file, split)(file, faults), start=1):
        if photo not in names:
            faults.add(file, line, f"a photo below {folder}", photo)
        elif not caption.strip():
            faults.add(file, line, f"a caption for {photo}", "")
        else:
            qid = f"c{number:06d}"
            questions.append(Question(qid, caption.strip()))
            qrels[qid] = {PageRef(photo, 1): 1}
    faults.raise_any()
    return DataSet(
        name=file.parent.resolve().name,
        folder=folder.resolve(),
        documents=sorted(names),
        questions=questions,
        qrels=qrels,
    )


def captions_file(folder: Path) -> Path | None:
    """Return the captions file in a folder, or in its `annotations`."""
    files = [folder / name for name in FILES if (folder / name).exists()]
    files += sorted([*folder.glob("captions_*.json"), *folder.glob("annotations/captions_*.json")])
    return next(iter([*files, *folder.glob("dataset_*.json")]), None)


def _photo_folder(folder: Path) -> Path:
    for parent in (folder, folder.parent):
        photos = next((parent / name for name in FOLDERS if (parent / name).is_dir()), None)
        if photos:
            return photos
    raise UsageError(f"expected the photos in one of {', '.join(FOLDERS)} beside {folder}, found none")


def _reader(file: Path, split: str) -> Callable[[Path, Faults], Pairs]:
    if file.suffix == ".jsonl":
        return _read_json_lines
    if file.suffix == ".json":
        return lambda path, faults: _read_json(path, faults, split)
    return _read_flickr


def _read_json_lines(path: Path, faults: Faults) -> Pairs:
    for number, row in read_json_lines(path, faults):
        captions = row.get("captions")
        if not isinstance(row.get("photo"), str) or not isinstance(captions, list):
            faults.add(path, number, "a file name under 'photo' and a list under 'captions'", row)
            continue
        for caption in captions:
            yield number, row["photo"], str(caption)


def _read_flickr(path: Path, faults: Faults) -> Pairs:
    """Read `photo.jpg#0<TAB>caption` lines, or a table `image,caption` as CSV."""
    for number, line in read_lines(path):
        if "\t" in line:
            photo, _, caption = line.partition("\t")
            yield number, photo.rpartition("#")[0] or photo, caption
            continue
        row = next(csv.reader([line]))
        if row == ["image", "caption"]:
            continue
        if len(row) < 2:
            faults.add(path, number, "photo.jpg#0, a tab and a caption; or photo.jpg,caption", line)
            continue
        yield number, row[0], ",".join(row[1:])


def _read_json(path: Path, faults: Faults, split: str) -> Pairs:
    data = read_json(path)
    if isinstance(data, dict) and isinstance(data.get("annotations"), list):
        yield from _read_coco(data, path, faults)
    elif isinstance(data, dict) and isinstance(data.get("images"), list):
        for image in data["images"]:
            if image.get("split", split) in (split, "restval" if split == "train" else split):
                for sentence in image.get("sentences", []):
                    yield 0, image["filename"], str(sentence.get("raw", ""))
    else:
        faults.add(
            path, 0, "COCO's 'images' and 'annotations', or Karpathy's 'images' with 'sentences'", type(data).__name__
        )


def _read_coco(data: dict[str, Any], path: Path, faults: Faults) -> Pairs:
    names = {
        annotation["id"]: annotation["file_name"]
        for annotation in data.get("images", [])
        if "id" in annotation and "file_name" in annotation
    }
    for annotation in data["annotations"]:
        if annotation.get("image_id") not in names:
            faults.add(path, 0, "an annotation whose 'image_id' is an image's", annotation)
            continue
        yield 0, names[annotation["image_id"]], str(annotation.get("caption", ""))
