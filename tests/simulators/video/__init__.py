"""Pictures and sound made on demand: any channel, any moment, always the same."""
