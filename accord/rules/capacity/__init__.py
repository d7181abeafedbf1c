"""Free places, judged: how an opening stands, whom it suits, in which order it is shown, and what may be told of it in numbers."""
