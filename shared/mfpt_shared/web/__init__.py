"""What the local web pages of both programs are built from: guard, server, events, words, files for browsers."""
