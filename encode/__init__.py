"""Encoders: texts, images and pages as vectors; finding, checking and loading their weights."""
