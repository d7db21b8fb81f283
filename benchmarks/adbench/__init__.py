"""The three objectives of ADBench in plain NumPy: Gaussian mixture, bundle adjustment, LSTM.

F. Srajer, Z. Kukelova, A. Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some
problems in computer vision and machine learning", Optimization Methods and Software 33 (2018). Each function
takes the namespace it computes with, so that the same lines run in NumPy and in other libraries.
"""
