"""Events and states to the broker: topics and messages (pure), the outbox on disk, the connection."""
