"""OpenPose: heatmaps of the joints, and fields of vectors along the limbs, which say what belongs together."""
