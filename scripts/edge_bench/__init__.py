"""A prompt tuned by mfpt and by plain PEFT with bitsandbytes, on the same data and machine."""
