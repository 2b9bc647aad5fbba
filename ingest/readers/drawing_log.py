"""Logs what a page draws, so far as that decides whether words may be hidden or struck through, and where bitmaps are.

Must be called with `pagelens.ingest.readers.mupdf.LOCK` held.
"""

from typing import Any, NamedTuple

from pagelens.ingest.readers.mupdf import pymupdf

Area = tuple[float, float, float, float]
"""x0 y0 x1 y1 in points, before the page's rotation."""

LIGHT = 0.75  # luminance 0..1 from which letters may vanish on paper
FAINT = 0.1  # opacity below which letters may vanish anywhere
_ROUNDING = 0.01  # by which a luminance that is computed here may differ from one that MuPDF computes

_MUPDF = pymupdf.mupdf
_RGB, _PARAMETERS = _MUPDF.FzColorspace(_MUPDF.FzColorspace.Fixed_RGB), _MUPDF.FzColorParams()
_CONVERTED = _MUPDF.fz_convert_color2_v()  # what MuPDF converts a colour to
_UNIT = _MUPDF.FzRect(_MUPDF.FzRect.Fixed_UNIT)
_Device: Any = _MUPDF.FzDevice2  # PyMuPDF has no types


class DrawingLog(NamedTuple):
    """What a page draws."""

    texts: list[Area]  # of the ink of texts
    fills: list[Area]  # of filled paths, images and shadings
    rules: list[Area]  # of filled and stroked paths that are wider than high
    images: list[Area]  # of the images drawn after the first text
    opaque: list[Area]  # of all images without a mask
    may_vanish: bool  # whether some text is not drawn, light or transparent
    has_bitmaps: bool  # whether there are images, masks or shadings, of which MuPDF makes bitmaps

    def is_within(self, width: float, height: float) -> bool:
        """Tell whether all texts stand on a page of this size."""
        return all(x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height for x0, y0, x1, y1 in self.texts)


def log_drawing(mupdf_page: Any) -> DrawingLog:
    """Run the page's content once and return what it draws. Raises MuPDF's errors."""
    rotation = mupdf_page.rotation
    if rotation:
        mupdf_page.set_rotation(0)  # as `get_text` does
    try:
        device = _LogDevice()
        _MUPDF.fz_run_page(mupdf_page.this, device, _MUPDF.FzMatrix(), _MUPDF.FzCookie())
        _MUPDF.fz_close_device(device)
    finally:
        if rotation:
            mupdf_page.set_rotation(rotation)
    return DrawingLog(
        texts=device.texts,
        fills=device.fills,
        rules=device.rules,
        images=device.images,
        opaque=device.opaque,
        may_vanish=device.may_vanish,
        has_bitmaps=device.has_bitmaps,
    )


class _LogDevice(_Device):  # type: ignore[misc]
    """Collects the areas of what a page draws. MuPDF calls its methods."""

    def __init__(self) -> None:
        super().__init__()
        self.use_virtual_fill_text()
        self.use_virtual_stroke_text()
        self.use_virtual_ignore_text()
        self.use_virtual_fill_path()
        self.use_virtual_stroke_path()
        self.use_virtual_fill_shade()
        self.use_virtual_fill_image()
        self.use_virtual_fill_image_mask()
        self.texts: list[Area] = []
        self.fills: list[Area] = []
        self.rules: list[Area] = []
        self.images: list[Area] = []
        self.opaque: list[Area] = []
        self.may_vanish = self.has_bitmaps = False

    def fill_text(
        self, _context: Any, text: Any, matrix: Any, colorspace: Any, color: Any, alpha: float, _parameters: Any
    ) -> None:
        """Log a text."""
        self._add_text(_MUPDF.ll_fz_bound_text(text, None, matrix), colorspace, color, alpha)

    def stroke_text(
        self,
        _context: Any,
        text: Any,
        stroke: Any,
        matrix: Any,
        colorspace: Any,
        color: Any,
        alpha: float,
        _parameters: Any,
    ) -> None:
        """Log a text whose outlines are drawn."""
        self._add_text(_MUPDF.ll_fz_bound_text(text, stroke, matrix), colorspace, color, alpha)

    def ignore_text(self, _context: Any, text: Any, matrix: Any) -> None:
        """Log a text that is not drawn."""
        self.texts.append(_area(_MUPDF.ll_fz_bound_text(text, None, matrix)))
        self.may_vanish = True

    def fill_path(self, _context: Any, path: Any, _even_odd: Any, matrix: Any, *_: Any) -> None:
        """Log a filled path."""
        area = _area(_MUPDF.ll_fz_bound_path(path, None, matrix))
        self.fills.append(area)
        self._add_rule(area)

    def stroke_path(self, _context: Any, path: Any, stroke: Any, matrix: Any, *_: Any) -> None:
        """Log a path that is drawn as a line."""
        self._add_rule(_area(_MUPDF.ll_fz_bound_path(path, stroke, matrix)))

    def fill_shade(self, _context: Any, shade: Any, matrix: Any, *_: Any) -> None:
        """Log a shading."""
        self.fills.append(_area(_MUPDF.ll_fz_bound_shade(shade, matrix)))
        self.has_bitmaps = True

    def fill_image(self, _context: Any, image: Any, matrix: Any, *_: Any) -> None:
        """Log an image."""
        area = _area(_MUPDF.ll_fz_transform_rect(_UNIT.internal(), matrix))
        self.fills.append(area)
        self.has_bitmaps = True
        if not image.mask:
            self.opaque.append(area)
        if self.texts:
            self.images.append(area)

    def fill_image_mask(self, *_: Any) -> None:
        """Log a mask that is filled with a colour."""
        self.has_bitmaps = True

    def _add_rule(self, area: Area) -> None:
        if area[2] - area[0] > area[3] - area[1]:
            self.rules.append(area)

    def _add_text(self, rect: Any, colorspace: Any, color: Any, alpha: float) -> None:
        self.texts.append(_area(rect))
        if not self.may_vanish:
            self.may_vanish = alpha < FAINT or _luminance(colorspace, color) > LIGHT - _ROUNDING


def _area(rect: Any) -> Area:
    return rect.x0, rect.y0, rect.x1, rect.y1


def _luminance(colorspace: Any, color: Any) -> float:
    """Return the luminance of a colour, 0..1; 0 without a colour space, as MuPDF's trace of texts has it."""
    if not colorspace:
        return 0.0
    _MUPDF.ll_fz_convert_color2(colorspace, color, _RGB.m_internal, _CONVERTED, None, _PARAMETERS.internal())
    return float(0.299 * _CONVERTED.v0 + 0.587 * _CONVERTED.v1 + 0.114 * _CONVERTED.v2)
