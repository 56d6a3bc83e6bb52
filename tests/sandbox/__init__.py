"""Tests of the local look-alike of amoCRM."""
