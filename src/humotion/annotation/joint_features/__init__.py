"""Features of a frozen network, read at the joints of another layer by bilinear sampling (the pooling of HP-Net)."""
