"""PDFs in: words with boxes, and what people added to them."""
