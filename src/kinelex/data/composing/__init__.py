"""What sequences of recorded clips are made of: actions, pieces that fit behind each other, how they are said."""
