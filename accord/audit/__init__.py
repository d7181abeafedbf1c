"""The access journal: who saw what of whom, by which right, in lines that nobody can change unseen."""
