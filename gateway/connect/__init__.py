"""The data user's side: a proxy that adds to every question who asks it, and the proof that it was asked."""
