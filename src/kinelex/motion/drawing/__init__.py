"""Drawing a figure on a floor: shared by the film strip, the film and (as numbers) the web player."""
