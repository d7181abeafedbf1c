"""Free places at a care provider: what it has, who asks for one, and what was promised."""
