"""The default stack: a Kafka-compatible broker and the ClickHouse engine as two local processes."""
