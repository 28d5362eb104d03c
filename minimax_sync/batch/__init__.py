"""Many prompts at once: the run, its checkpoint, its threads, its progress."""
