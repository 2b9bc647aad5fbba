"""Tables and charts on a page, from the boxes of its words alone: layer or OCR."""
