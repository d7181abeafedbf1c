"""A settings file to begin with."""

from typing import Final

EXAMPLE: Final = """\
# An agent that answers for one care provider. Every setting can also be given as NOABER_AGENT__<SECTION>__<KEY>,
# or with --set section.key=value. `noaber agent config show` lists them all.

[holder]
ura = "90001003"
name = "brinkhof"
title = "Huisartsen De Brinkhof"
kind = "gp-practice"
# signs every last word; its public half is in the register
answer_key = "answer.key"

[region]
# the register as the region signed it, and the region's public key, which its office gives every member
register = "register.jws"
anchor = "region.pub"

[tls]
certificate = "tls.pem"
key = "tls.key"

# The office's joining desk, where the agent renews its certificate in time; `noaber agent join` fills this in.
# [office]
# desk = "https://desk.example.nl:8490"
# the HTTP proxy on the way there, and its authority where it opens TLS; those of [outbound] where they are left out
# proxy = "http://user:password@proxy.example:3128"
# ca_file = "proxy-ca.pem"

[journal]
folder = "journal"

[listen]
# host and port, or a unix socket: unix:/run/noaber/agent.sock
address = "127.0.0.1:7001"

# Or no port at all (address = ""): the agent calls the gateways, all of them, and answers there (docs/outbound.md).
# [outbound]
# gateways = ["gateway.example:443"]
# proxy = "http://user:password@proxy.example:3128"
# authorities of a proxy that opens TLS
# ca_file = "proxy-ca.pem"

[source]
kind = "embedded"
path = "records.db"
# or the care provider's own FHIR R4 server, asked anew for every question:
# kind = "fhir-server"
# base = "http://127.0.0.1:8080/fhir"
# concurrency = 4
# no more than this many requests in a second, and fewer while it is slow to answer (0: as many as it takes)
# per_second = 20
# how it lets us in: docs/sources.md
# a server of STU3 (zib2017): its records are converted to R4, and marked so
# generation = "stu3"
# a server that cannot be asked for all records of a type: the searches of the BgZ, and no others
# searches = "bgz"
# or a SQL database, by a mapping of columns to FHIR elements (docs/sql-source.md); the password in NOABER_AGENT__SOURCE__PASSWORD:
# kind = "sql"
# url = "postgresql://db.example:5432/practice"
# user = "noaber"
# mapping = "mapping.toml"
# or none, for a provider that takes part with its places only (docs/places.md):
# kind = "none"
# or an adapter of your own (examples/write_a_source.py):
# kind = "python"
# factory = "module:function"

# A system that sends HL7 v2 (ORU, ADT) over MLLP into that embedded store; see docs/hl7-feed.md.
# [feed]
# listen = "127.0.0.1:2575"
# senders = ["LIS|TWK"]

[choices]
path = "choices.db"

# Mitz leads for the data that it speaks of; what the patient chose here can only withhold more.
# [mitz]
# base = "https://mitz.example"
# certificate = "mitz.pem"
# key = "mitz.key"
# authorities = "mitz-authorities.pem"
# where Mitz tells that a patient changed a choice: our address as it knows it, where that listens, and its name there
# notify = "https://agent.example:7443/mitz/notifications"
# listen = "0.0.0.0:7443"
# notifier = "notify.mitz.example"

# The page on which a privacy officer reviews broken glass and alarms; `noaber journal reviewer` makes an entry of the file.
# [review]
# listen = "127.0.0.1:8482"
# reviewers = "reviewers.toml"

# The page for your own IT: what was asked, answered and refused, and what it cost; `noaber agent it-person` makes an entry of the file.
# [it]
# listen = "127.0.0.1:8483"
# people = "it.toml"

# The places that you can give, and the requests for them (docs/places.md); none without a file of services.
# [places]
# services = "services.toml"
# store = "places.db"
# seals what is personal in the store; made at the first start
# key_file = "places.key"
# keep_days = 30
# the planners' page; `noaber agent planner` makes an entry of the file
# listen = "127.0.0.1:8484"
# people = "planners.toml"
# numbers that come by themselves: an export of the planning system, and services that are counted at the FHIR server of the source
# [[places.exports]]
# name = "planning"
# path = "exports/places.csv"
# service = "Afdeling"
# services = { "ELV-1" = "elv-laag" }
# places = "Vrij"
# [[places.fhir]]
# service = "elv-laag"
# locations = ["ward-3"]

# For whoever looks after the machine: /healthz, /readyz and /metrics, on this machine only; off without it.
# [ops]
# listen = "127.0.0.1:9701"

# [log]
# format = "json"
# level = "info"

[locate]
# 64 hexadecimal digits that only this holder and the gateway know
key_file = "pseudonym.key"
"""
