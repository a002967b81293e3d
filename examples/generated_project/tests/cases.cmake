# One test for each.
set(sample_golden_cases
  seeded-0
  picture)
set(sample_pixel_cases
  ppm
  maxval-100-ppm)
