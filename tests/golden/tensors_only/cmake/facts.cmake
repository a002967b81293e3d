# Facts of this project's artifact.
set(sample_ARTIFACT_IS_COMPILED OFF)
set(sample_RUNS_ON cpu)  # cpu, cuda, any
