"""How a request for a place goes, at both ends: two state machines without clock, chance or store.

The law they keep together: a place is given to one request, a request has one place, and whatever was said is said to an
end. The provider counts its own places and nobody else does; the asker has at most one offer taken up at a time, and takes
up the next only when the provider of that one has said that it is gone.
"""
