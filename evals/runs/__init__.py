"""Evaluation runs: configuration, execution, scoring, comparison."""
