"""Where bytes rest. Knows batch headers and nothing of Kafka beyond them."""
