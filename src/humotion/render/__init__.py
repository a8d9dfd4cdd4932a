"""The generator of the embedded sample: rendered clips of people, in the layouts of the official datasets.

A textured body of rounded cones is moved by motion-capture clips, filmed by a perspective camera and
ray cast in NumPy. It is not real footage. The same seed gives the same pixels with any number of workers.
"""
