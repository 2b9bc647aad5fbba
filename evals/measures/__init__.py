"""Measures of rankings, answers and refusals."""
