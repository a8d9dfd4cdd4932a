"""Re-train heads on the embeddings of a frozen backbone, to see whether balancing the classes helps."""
