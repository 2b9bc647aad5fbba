"""What is read from Office files besides the PDF that LibreOffice makes of them: changes, comments, notes, cells."""
