"""CTR-GCN (Chen et al., ICCV 2021): graph convolutions whose graph is refined for every channel and clip."""
