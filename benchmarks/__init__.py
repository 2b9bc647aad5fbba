"""Measurements: ratios side by side in one run, never timed in a test."""
