// Telemetry, and databases that are not used.
