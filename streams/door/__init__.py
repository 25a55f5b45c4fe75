"""The door: events and deliveries of vendors come in over HTTP, and are answered once Kafka has them."""
