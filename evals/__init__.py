"""Evaluation: data sets, measures, runs, comparisons and reports. Searches and answers go through the engine."""
