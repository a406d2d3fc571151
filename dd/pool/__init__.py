"""Pools: the many pre-trained networks that Section 3.5 draws initial weights from."""
