"""PersonLab (Papandreou et al., 2018): the joints of everybody in a picture, by heatmaps and offsets between joints."""
