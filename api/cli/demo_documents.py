"""The documents of `pagelens demo`: three generated PDFs with invented contents, and scikit-learn's two photos."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from pagelens.ingest.readers.mupdf import pymupdf

_STYLE = """
body { font-family: sans-serif; font-size: 11pt; line-height: 1.5; }
h1 { font-size: 22pt; } h2 { font-size: 15pt; }
td, th { padding: 3pt 26pt 3pt 0; text-align: left; }
"""

_HARBOUR = (
    """<h1>Port of Sandvik: annual report 2024</h1><p>This report covers the year from January to December 2024.
    It was adopted by the harbour board on 12 March 2025.</p><h2>From the harbour master</h2>
    <p>It was a year of building. The northern breakwater, begun in 2021, was finished in September and has already
    stood two autumn storms. The pilot boat Alma was replaced by the Alma II, which runs on batteries.</p>""",
    """<h2>Cargo</h2><p>Cargo is given in tonnes. Timber grew for the third year in a row; grain fell after the dry
    summer.</p><table><tr><th>Cargo</th><th>2022</th><th>2023</th><th>2024</th></tr>
    <tr><td>Timber</td><td>41,200</td><td>44,900</td><td>52,300</td></tr>
    <tr><td>Grain</td><td>63,000</td><td>61,400</td><td>38,700</td></tr>
    <tr><td>Fish</td><td>9,800</td><td>10,100</td><td>10,600</td></tr>
    <tr><td>Machines</td><td>4,300</td><td>4,150</td><td>5,020</td></tr></table>""",
    """<h2>Dredging and depth</h2><p>The entrance channel was dredged in April to a depth of 9.5 metres at low water.
    Ships with a draught of more than 8.2 metres need a pilot.</p><h2>Accidents</h2><p>Three accidents were recorded,
    none with injuries. On 3 November the trawler Frieda touched the old mole in fog.</p>""",
)
_TIDE_POOLS = (
    """<h1>A walk among the tide pools</h1><p>A field guide for visitors. Put every stone back as you found it:
    what lives beneath it dies in the sun within the hour.</p>""",
    """<h2>Limpets</h2><p>A limpet grinds its shell to fit one spot on the rock. It returns to that spot before the
    tide falls, because only there does the rim seal tightly enough to keep water in. Old limpets leave a ring, the
    home scar, that outlasts them by years.</p><h2>Beadlet anemones</h2><p>Red when the water covers them, a blob of
    jelly when it does not. The blue beads hold stinging cells for fights with neighbours.</p>""",
    """<h2>When to go</h2><p>Come two days after full or new moon, when the water falls furthest. Start one hour before
    low water and turn back when it turns. Wear shoes that grip: green weed is slippery, black lichen more so.</p>""",
)
_BICYCLE = (
    """<h1>Kestrel touring bicycle: owner's manual</h1><p>Read this manual before the first ride. Bolts that hold the
    rider must be checked with a torque wrench.</p>""",
    """<h2>Torque</h2><table><tr><th>Bolt</th><th>Torque</th><th>Tool</th></tr>
    <tr><td>Stem, handlebar clamp</td><td>5 Nm</td><td>4 mm hex key</td></tr>
    <tr><td>Stem, steerer clamp</td><td>6 Nm</td><td>4 mm hex key</td></tr>
    <tr><td>Seat post clamp</td><td>7 Nm</td><td>5 mm hex key</td></tr>
    <tr><td>Crank arm</td><td>38 Nm</td><td>8 mm hex key</td></tr>
    <tr><td>Pedals</td><td>35 Nm</td><td>15 mm spanner</td></tr></table>""",
    """<h2>Care</h2><p>Clean and oil the chain every 300 kilometres, sooner in rain. Replace brake pads when less than
    1.5 millimetres of rubber is left. The bearings of the hubs are sealed and need no grease.</p>
    <h2>Warranty</h2><p>The frame is guaranteed for ten years, all other parts for two. Paint is not covered.</p>""",
)

QUESTIONS = (
    "How many tonnes of timber passed through the port in 2024?",
    "Why does a limpet return to the same spot?",
    "Which torque does the crank arm need?",
)
UNANSWERABLE_QUESTION = "Who won the world chess championship in 1972?"


def write_demo_documents(folder: Path) -> bool:
    """Write the PDFs and copy the photos into `folder`, except those that exist; return whether there are photos."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_pdf(folder / "port-of-sandvik-2024.pdf", _HARBOUR, "Port of Sandvik: annual report 2024")
    _write_pdf(folder / "tide-pools.pdf", _TIDE_POOLS, "A walk among the tide pools", preface=1)
    _write_pdf(folder / "kestrel-manual.pdf", _BICYCLE, "Kestrel touring bicycle: owner's manual")
    photos = _photos()
    for photo in photos:
        if not (folder / photo.name).exists():
            shutil.copyfile(photo, folder / photo.name)
    return bool(photos)


def _photos() -> list[Path]:
    """Return the sample photos in scikit-learn's package, without importing it; none if it is not installed."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        return []
    return sorted((Path(package.origin).parent / "datasets" / "images").glob("*.jpg"))


def _write_pdf(path: Path, pages: tuple[str, ...], title: str, *, preface: int = 0) -> None:
    """Write one PDF, one page per HTML text, unless it exists; the first `preface` pages are labelled i, ii, ..."""
    if path.exists():
        return
    pdf = pymupdf.open()
    for html in pages:
        page = pdf.new_page(width=420, height=595)  # A5
        page.insert_htmlbox((42, 48, 378, 547), html, css=_STYLE)
    pdf.set_metadata({"title": title, "author": "PageLens demo", "creationDate": "D:20250401120000"})
    if preface:
        roman, arabic = {"startpage": 0, "style": "r"}, {"startpage": preface, "style": "D"}
        pdf.set_page_labels([{**roman, "prefix": "", "firstpagenum": 1}, {**arabic, "prefix": "", "firstpagenum": 1}])
    pdf.subset_fonts()
    pdf.save(path, garbage=3, deflate=True, no_new_id=True)
    pdf.close()
