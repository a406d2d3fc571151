"""Many networks trained side by side on real images, to start from (Section 3.5)."""
