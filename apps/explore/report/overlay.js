// The page of an overlay alone.
volume();
whenResized(volume);
