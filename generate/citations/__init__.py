"""Citations: marks in an answer, and the check of each cited sentence on its page."""
