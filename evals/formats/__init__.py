"""Readers of published data sets, each to a `DataSet`."""
