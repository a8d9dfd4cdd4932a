"""Action recognition: which action does a clip show?"""
