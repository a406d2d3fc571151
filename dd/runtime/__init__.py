"""What every stage needs around its science: files, checkpoints, devices, seeds, progress."""
