"""What config.yaml may say, and reading it."""
