"""Regular expressions as Kafka takes them from its clients: RE2's, matched in linear time."""
