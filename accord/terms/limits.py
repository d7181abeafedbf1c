"""The bounds that every party keeps (promise P7). Bytes, records, levels and seconds, as named."""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

#: A batch is sent when it holds this much; the first one sooner, so that something shows early.
BATCH_BYTES: Final = 192 * KIB
FIRST_BATCH_BYTES: Final = 16 * KIB
#: No gRPC message is larger.
MESSAGE_BYTES: Final = 1 * MIB
#: A record over this is not sent inline.
RECORD_BYTES: Final = 768 * KIB
#: A batch holds no more records than this.
BATCH_RECORDS: Final = 2_000
#: One holder's answer holds no more than this.
ANSWER_RECORDS: Final = 250_000
ANSWER_BYTES: Final = 1024 * MIB
#: JSON is not nested more deeply than this.
JSON_DEPTH: Final = 64
#: One attachment is no larger than this, and travels in chunks of at most `CHUNK_BYTES`.
ATTACHMENT_BYTES: Final = 256 * MIB
CHUNK_BYTES: Final = 256 * KIB
#: A text field of a question (a name, a code) is no longer than this.
FIELD_CHARACTERS: Final = 256
#: A list in a question is no longer than this.
LIST_ITEMS: Final = 200
#: A signed token (mandate, proof, login) is no longer than this; no more proofs than this travel with a question.
TOKEN_CHARACTERS: Final = 16 * KIB
MOST_PROOFS: Final = 4
#: Frames without a record that a holder may send in a row before the gateway stops listening.
IDLE_FRAMES: Final = 1_000
#: Batches smaller than the first one that a holder may send in one answer: a slow source fills no batch, and each has its line.
SMALL_BATCHES: Final = 1_000
