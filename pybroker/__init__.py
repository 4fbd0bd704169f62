"""pybroker: a small Kafka broker in Python."""
