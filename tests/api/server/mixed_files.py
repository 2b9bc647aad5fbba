"""A folder of documents and photos: some dated and placed, in folders below each other, one that cannot be read."""

from datetime import datetime
from pathlib import Path

from PIL import Image

from tests.api.files import write_pdf
from tests.ingest.readers.photo_files import exif

PARIS, ROME, TOKYO = (48.8566, 2.3522), (41.9028, 12.4964), (35.6762, 139.6503)
PHOTOS = (  # path, pixels, taken, position
    ("trips/2019/tower.jpg", (90, 60), datetime(2019, 7, 4, 12, 30), PARIS),
    ("trips/2019/bridge.jpg", (60, 90), datetime(2019, 7, 5, 9), (PARIS[0] + 0.01, PARIS[1])),
    ("trips/2021/forum.jpg", (80, 80), datetime(2021, 3, 1, 8), ROME),
    ("trips/2021/shrine.jpg", (120, 60), datetime(2021, 11, 9, 17), TOKYO),
    ("home/cat.jpg", (70, 70), None, None),
)
TIDES = (
    "A limpet returns to its home scar before the tide falls.\nIts rim keeps the water in the shell.\n"
    "The rim of the shell grows by about 12 millimetres during the first summer of life."
)
HARBOUR = [
    "Port of Sandvik annual report\nThis report covers the year 2024.",
    "The northern breakwater was finished in September.\n"
    "The timber quay of Sandvik loaded 52,300 tonnes of spruce for Hamburg during 2024.",
    "Ships with a draught of more than 8.2 metres need a pilot.",
]


def write_mixed_folder(folder: Path) -> Path:
    """Write five photos and three PDFs, one of them damaged, below a folder; return it."""
    for n, (name, size, taken, position) in enumerate(PHOTOS):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.linear_gradient("L").rotate(60 * n).resize(size).convert("RGB")
        camera = ("Canon", "EOS 80D") if taken else None
        picture.save(path, exif=exif(taken=taken, position=position, camera=camera))
    (folder / "papers").mkdir()
    write_pdf(folder / "papers" / "harbour.pdf", HARBOUR, title="Port of Sandvik")
    write_pdf(folder / "papers" / "tides.pdf", [TIDES], title="Tide pools")
    (folder / "papers" / "broken.pdf").write_bytes(b"%PDF-1.7 cut")
    return folder
