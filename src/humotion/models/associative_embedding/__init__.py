"""Associative embedding (Newell, Huang, Deng, 2017): heatmaps of joints, and a tag per joint that names its person."""
