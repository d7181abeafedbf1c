"""Finding a place for somebody, at the organisation that asks for one: needs, answers, requests, and the handover."""
