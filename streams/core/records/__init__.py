"""Records as Kafka stores them, read without trusting a byte of them."""
