"""Installing, removing and looking after the systemd service; the standard library is enough for it.

scripts/install runs it with the system's Python, before anything else is there.
"""
