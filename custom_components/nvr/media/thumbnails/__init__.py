"""Single pictures of recordings: read, decoded, scaled, kept on disk."""
