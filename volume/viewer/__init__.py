"""Looking at a volume: a scene without a window, and the windows that show it."""
