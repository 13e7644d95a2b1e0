"""Classifies what a camera sees and publishes events over MQTT."""

__version__ = "0.1.0"
