"""Rules about language models, prompts and agents."""
