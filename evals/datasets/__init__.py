"""Evaluation data sets and their file formats."""
