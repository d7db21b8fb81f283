"""Values and derivatives of the operations of which PyTorch's own tests have samples."""
