"""What every stage needs besides its method: files, checkpoints, devices, seeds, progress."""
