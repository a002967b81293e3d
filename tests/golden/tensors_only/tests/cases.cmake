# One test for each.
set(sample_golden_cases
  seeded-0)
set(sample_pixel_cases)
