"""Sixty made products: a drawn picture for each, and their table."""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, ImageDraw

CATEGORIES = ("lamp", "chair", "rug", "vase", "clock", "mirror")
COLOURS = ("crimson", "navy", "olive", "goldenrod", "teal")
COUNT = 60


@dataclass(frozen=True)
class Product:
    """A row of the table."""

    file: str
    title: str
    description: str
    category: str
    price: float
    year: int
    released: str
    tags: str

    @property
    def tag_list(self) -> list[str]:
        return self.tags.split("|")


def products() -> list[Product]:
    """Return the products; categories, prices, years and tags go round with different periods."""
    made = []
    for n in range(COUNT):
        category, colour, year = CATEGORIES[n % 6], COLOURS[n % 5], 2015 + n % 8
        made.append(
            Product(
                file=f"p{n:03}.png",
                title=f"{colour.title()} {category} {n}",
                description="Brushed zirconium base" if n % 20 == 7 else "Made by hand",
                category=category,
                price=round(5 + n * 37 % 100 + 0.5 * (n % 2), 2),
                year=year,
                released=f"{year}-{1 + n % 12:02}-{1 + n % 28:02}",
                tags="|".join(["sale", "new", "eco"][: 1 + n % 3]),
            )
        )
    return made


def draw(product: Product, number: int) -> Image.Image:
    """Return a picture with a shape for the category in the product's colour, placed by its number."""
    colour = product.title.split()[0].lower()
    picture = Image.new("RGB", (96, 96), "white")
    pen = ImageDraw.Draw(picture)
    x, y = 4 + number % 10 * 3, 4 + number // 10 * 5
    box = (x, y, x + 55, y + 55)
    shape = CATEGORIES.index(product.category)
    if shape == 0:
        pen.polygon([(x, y + 55), (x + 27, y), (x + 55, y + 55)], fill=colour)
    elif shape == 1:
        pen.rectangle(box, fill=colour)
    elif shape == 2:
        pen.rectangle((x, y + 20, x + 55, y + 40), fill=colour)
    elif shape == 3:
        pen.ellipse((x + 15, y, x + 40, y + 55), fill=colour)
    elif shape == 4:
        pen.ellipse(box, fill=colour)
    else:
        pen.ellipse(box, outline=colour, width=9)
    return picture


def write_products(folder: Path) -> Path:
    """Write the pictures and the table `products.csv`; return the table's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, product in enumerate(products()):
        draw(product, number).save(folder / product.file)
    table = folder / "products.csv"
    rows = [asdict(product) for product in products()]
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return table
