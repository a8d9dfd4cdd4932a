"""The official archives of the public datasets: downloaded, checked, unpacked to the layouts that we read."""
