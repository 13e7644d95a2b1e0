"""Checks of every part of an installation: each finding says ok, or how to mend it."""
