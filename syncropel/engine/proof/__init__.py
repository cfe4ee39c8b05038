"""What a log proves by itself: that it is whole and in order, and that nothing got past a freeze."""
