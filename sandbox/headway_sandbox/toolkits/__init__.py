"""What AWS's framework images have inside: script mode for training, handlers for inference."""
