"""The patient's pages: what is shared with whom, who looked, and how to change it, in plain words."""
