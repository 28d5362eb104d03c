"""Many prompts in one run: the run itself, its checkpoint, its threads, its progress."""
