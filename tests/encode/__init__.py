"""Tests of encode."""
