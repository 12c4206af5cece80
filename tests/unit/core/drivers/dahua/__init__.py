"""The pure parts of the Dahua driver."""
