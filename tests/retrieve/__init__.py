"""Tests of retrieve."""
