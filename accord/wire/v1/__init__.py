"""Messages and stubs made from `proto/accord/wire/v1` by `make proto`, committed and never edited."""
