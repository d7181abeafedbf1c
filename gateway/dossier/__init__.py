"""The virtual dossier: what is identical once, what is unique by name, who said it, and who was not heard. Pure."""
