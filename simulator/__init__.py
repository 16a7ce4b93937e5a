"""A stand-in for the payment provider: its API on the wire, its own durable books, and faults on demand."""
