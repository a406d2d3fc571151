"""What distilled images are compared with: real images in their place, and neighbours (Section 4, S-1)."""
