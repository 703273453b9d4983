"""Are the cells of a grid different computations?"""
