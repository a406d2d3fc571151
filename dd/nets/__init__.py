"""Networks: the paper's, the field's, and many of them computed at once."""
