"""What models and the programs that ask them say: their words, the tokens they use, and what those cost."""
