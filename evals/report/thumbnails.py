"""Thumbnails of pages for a report as CSS rules: each image once, all within a budget of bytes."""

import base64
from io import BytesIO
from pathlib import Path

from PIL import Image

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.query_image import read_image
from pagelens.api.engine.wiring import render_array
from pagelens.core.errors import PageLensError, UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.document_names import DocumentNames

LONGEST = 300  # pixels on the longer side
QUALITY = 58
BUDGET = 14_000_000  # bytes of base64 in one report


class Thumbnails:
    """Renders thumbnails on request; pages beyond the budget, or that cannot be rendered, have none."""

    def __init__(self, engine: Engine | None, names: DocumentNames, *, budget: int = BUDGET) -> None:
        self._engine = engine
        self._names = names
        self._budget = budget
        self._classes: dict[PageRef, str | None] = {}
        self._rules: list[str] = []

    def css_class(self, page: PageRef) -> str | None:
        """Return the CSS class that shows a page; None if there is no image of it."""
        if page not in self._classes:
            self._classes[page] = self._make(page)
        return self._classes[page]

    @property
    def budget_spent(self) -> bool:
        """Whether the budget is spent."""
        return self._budget <= 0

    @property
    def css_rules(self) -> str:
        """The CSS rules of all thumbnails so far."""
        return "\n".join(self._rules)

    def css_class_of_file(self, path: Path) -> str | None:
        """Return the CSS class that shows an image file; None if it cannot be read."""
        if self.budget_spent:
            return None
        try:
            return self._rule(Image.fromarray(read_image(path, render_array)))
        except UsageError:
            return None

    def _make(self, page: PageRef) -> str | None:
        path = self._names.paths.get(page.path, page.path)
        if self._engine is None or self.budget_spent:
            return None
        try:
            data = self._engine.page_image(PageRef(path, page.number), longest=LONGEST)
        except PageLensError:  # the file is missing or has changed: the report shows its name instead
            return None
        return self._rule(Image.open(BytesIO(data)))

    def _rule(self, picture: Image.Image) -> str:
        """Add a CSS rule that shows an image; return its class."""
        picture = picture.convert("RGB")
        picture.thumbnail((LONGEST, LONGEST))
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
        coded = base64.b64encode(buffer.getvalue()).decode("ascii")
        name = f"p{len(self._rules)}"
        shape = f"aspect-ratio:{picture.width}/{picture.height}"
        rule = f".{name}{{background-image:url(data:image/jpeg;base64,{coded});{shape}}}"
        self._budget -= len(rule)
        self._rules.append(rule)
        return name
