"""The clinician's viewer: web pages on one person's dossier, at the data user's side."""
