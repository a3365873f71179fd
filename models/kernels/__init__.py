"""What is fast and hard to read. Each form here is held by a test to the plain module that it stands for."""
