"""Where is every joint in every frame?"""
