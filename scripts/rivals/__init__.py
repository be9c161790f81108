"""What a user would pick instead of mfpt, each in processes of its own: the study `rivals` of scripts/reproduce.

Nothing here imports mfpt, because part of it runs in an environment without it.
"""
