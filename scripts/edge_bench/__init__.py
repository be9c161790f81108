"""A prompt tuned by mfpt and by PEFT, with bitsandbytes and without, on the same data and machine."""
