"""What a motion shows, in words: geometry alone reads phrases, their seconds and whole sentences off the joints."""
