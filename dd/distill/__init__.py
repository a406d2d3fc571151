"""Distillation itself: the distilled set, gradient descent on it, the adjoint, and Algorithm 1."""
