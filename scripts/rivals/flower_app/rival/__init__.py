"""PEFT under Flower."""
