"""The facts of every Kafka 4.4.0 message, as data: fields, types, versions, defaults."""
