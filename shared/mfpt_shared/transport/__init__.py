"""How messages travel: a connection to a broker, over MQTT or within one process."""
