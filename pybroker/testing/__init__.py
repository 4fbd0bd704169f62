"""For tests: a raw client, connections in memory, and the pytest fixtures `kafka_broker` and `kafka_broker_session`."""
