"""SciPy in traced functions: functions, objects and distributions that NumPy's protocols do not reach."""
