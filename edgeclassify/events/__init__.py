"""Scores over time -> events: smoothing, presence, reasons."""
