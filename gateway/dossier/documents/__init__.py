"""The dossier as a document: which record stands in which section, what each section says, and what it does not know."""
