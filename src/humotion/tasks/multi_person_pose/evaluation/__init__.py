"""The test protocol of multi-person pose: AP as COCO defines it, tracks, and PCKh."""
