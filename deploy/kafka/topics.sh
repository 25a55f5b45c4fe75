#!/bin/sh
# The topics and how long they keep records. Creates what is missing, then sets what they are to be; running it again
# changes nothing. Needs KAFKA (brokers); reads PARTITIONS, REPLICATION, PREFIX, COMMAND_CONFIG (a client properties
# file with the login) and KAFKA_HOME.
#
# A worker that may create topics makes missing ones by itself, with the broker's defaults for the rest. Where it may
# not, whoever may runs this once; the worker then only looks that they are there.
set -eu

: "${KAFKA:?set KAFKA to the brokers, host:port[,host:port]}"
partitions="${PARTITIONS:-4}"
replication="${REPLICATION:-1}"
bin="${KAFKA_HOME:-/opt/kafka}/bin"

# An event is 256 KiB at most, a derived one 900 KiB; the margin is for key and headers.
largest_bytes=1310720
day_ms=86400000

topic() { # name, days kept
    name="${PREFIX:-}$1"
    "$bin/kafka-topics.sh" --bootstrap-server "$KAFKA" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
        --create --if-not-exists --topic "$name" \
        --partitions "$partitions" --replication-factor "$replication"
    # Never compacted: a key is a ticket or a customer, and each of its events counts.
    "$bin/kafka-configs.sh" --bootstrap-server "$KAFKA" ${COMMAND_CONFIG:+--command-config "$COMMAND_CONFIG"} \
        --alter --entity-type topics --entity-name "$name" \
        --add-config "cleanup.policy=delete,retention.ms=$(($2 * day_ms)),max.message.bytes=$largest_bytes"
}

# The log of record is the table `events`. Kafka keeps what a long outage of the workers may leave unread.
topic tickets 14
topic orders 14
topic dead-letters 30
topic signals 30
