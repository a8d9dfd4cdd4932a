"""The generator of the embedded sample: rendered clips of people, in the layouts of the official datasets.

Motion-capture clips move a textured body of rounded cones. A perspective camera films it, and NumPy casts the
rays. It is not real footage. The same seed gives the same pixels with any number of workers.
"""
