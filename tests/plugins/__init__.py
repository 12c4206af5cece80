"""Extensions of pytest for this project."""
