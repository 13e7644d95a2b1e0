"""What only commands need."""
