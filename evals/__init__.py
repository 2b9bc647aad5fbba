"""Evals: data sets, measures, runs, comparison and reports. They go through the engine, the same door as its users."""
