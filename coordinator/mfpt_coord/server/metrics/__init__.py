"""What monitoring reads of a coordinator: figures in Prometheus' text format, and whether it is alive and ready."""
