"""From what a user wrote to plain values."""
