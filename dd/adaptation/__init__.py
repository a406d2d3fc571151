"""Other ways than distilled images to adapt pre-trained networks to new data (Tables 2 and 3)."""
