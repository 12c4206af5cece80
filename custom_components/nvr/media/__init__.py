"""Media: reads footage from a recorder and writes what players take. Knows nothing of Home Assistant or of brands."""
