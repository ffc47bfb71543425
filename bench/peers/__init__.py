"""Others that answer the same questions, installed and run only to be compared with."""
