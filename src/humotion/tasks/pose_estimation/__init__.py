"""Pose estimation: where is every joint in every frame?"""
