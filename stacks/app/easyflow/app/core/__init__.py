"""What the HTTP service, the workers and beat share."""
