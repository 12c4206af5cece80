"""What only recorders of this family do."""
