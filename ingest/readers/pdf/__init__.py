"""PDF files through PyMuPDF."""
